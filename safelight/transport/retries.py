"""Retries: which errors are retryable, and how long to wait before a retry."""

from collections.abc import Callable
from typing import TypeVar

from safelight.errors import ApiError, ClientError, ConnectionLost, DownloadFailed, Unreachable, UploadRefused
from safelight.transport import upload_form
from safelight.transport.timing import Timing

#: Delay before the first retry. Each further delay is twice as long.
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 20.0
#: Longest ``Retry-After`` that is respected. If it is longer, the error is raised without a retry.
MAX_RETRY_AFTER_SECONDS = 60.0

# The gateway refused the request, so the API has not processed it.
_REFUSED = frozenset({429, 503})
# The gateway lost the response. The API may have processed the request.
_LOST = frozenset({502, 504})
# The API is still processing an earlier try with the same Idempotency-Key, whose connection has broken.
_IN_USE = "KEY_IN_USE"

# A limit of the caller is used up. Other requests of the caller are served.
_QUOTAS = frozenset({"TOO_MANY_OPEN_JOBS", "DAILY_BYTES_EXCEEDED"})

_T = TypeVar("_T")


def with_retries(call: Callable[[], _T], *, retries: int, repeatable: bool, timing: Timing) -> _T:
    """Return the result of a function, which is called again after retryable errors. Raises the last ClientError.

    ``repeatable`` is true if the request can safely be sent twice, such as a GET, or any request with an
    Idempotency-Key. Other requests are retried only if the error shows that the API has not processed the request.
    """
    tries = 0
    while True:
        try:
            return call()
        except ClientError as error:
            delay = _delay(error, tries, timing)
            if tries >= retries or not _is_retryable_now(error, repeatable=repeatable) or delay is None:
                raise
        timing.sleep(delay)
        tries += 1


def is_retryable(error: ClientError) -> bool:
    """Return True if a repeatable request may succeed when it is sent again later."""
    match error:
        case Unreachable() | ConnectionLost():
            return True
        case DownloadFailed():
            return error.retriable
        case UploadRefused():
            return upload_form.is_retryable_refusal(error)
        case ApiError():
            return error.retriable or error.status in upload_form.RETRYABLE
        case _:
            return False


def is_quota_exceeded(error: ClientError) -> bool:
    """Return True if only requests that create jobs have to wait, because a limit of the caller is used up."""
    return isinstance(error, ApiError) and error.code in _QUOTAS


def is_server_unavailable(error: ClientError) -> bool:
    """Return True if the server is unreachable or overloaded, so that any other request would fail too."""
    if isinstance(error, ApiError | UploadRefused):
        return error.status in _REFUSED
    return isinstance(error, Unreachable)


def get_retry_after(error: ClientError) -> float | None:
    """Return the ``Retry-After`` of an error in seconds, if it has one."""
    return error.retry_after_seconds if isinstance(error, ApiError | UploadRefused) else None


def _is_retryable_now(error: ClientError, *, repeatable: bool) -> bool:
    match error:
        case Unreachable():
            return not error.is_closed_port
        case ConnectionLost():
            return repeatable
        case DownloadFailed():
            return error.retriable
        case UploadRefused():
            # The next try uses a new form.
            return upload_form.is_retryable_refusal(error) or error.status == upload_form.EXPIRED
        case ApiError():
            is_refused = error.status in _REFUSED and error.retriable  # an upload token that is used up stays so
            return is_refused or error.code == _IN_USE or (repeatable and error.status in _LOST)
        case _:
            return False


def _delay(error: ClientError, tries: int, timing: Timing) -> float | None:
    """Return the delay before the next try, in seconds, or None if ``Retry-After`` is too long."""
    retry_after = get_retry_after(error)
    if retry_after is None:
        return min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0**tries) * (0.5 + timing.jitter() / 2)
    # Never earlier than the API asks. Because of the jitter, refused clients do not all return at the same time.
    return retry_after * (1 + timing.jitter() / 4) if retry_after <= MAX_RETRY_AFTER_SECONDS else None
