"""When a failed exchange is tried again, and after how long."""

from collections.abc import Callable
from typing import TypeVar

from safelight.errors import ApiError, ClientError, ConnectionLost, DownloadFailed, Unreachable, UploadRefused
from safelight.transport import upload_form
from safelight.transport.timing import Timing

#: Distance to the first retry; each further one is twice as far.
BASE_SECONDS = 0.5
#: Longest distance of our own choosing.
LONGEST_SECONDS = 20.0
#: Longest ``Retry-After`` that is sat out; beyond, the caller decides.
LONGEST_ASKED_SECONDS = 60.0

# The gateway refused at the door, so nothing has happened yet.
_REFUSED = frozenset({429, 503})
# The gateway lost the answer; whether something has happened, nobody knows.
_LOST = frozenset({502, 504})
# An earlier try of ours is still being answered, though its connection broke.
_IN_USE = "KEY_IN_USE"

_T = TypeVar("_T")


def with_retries(call: Callable[[], _T], *, retries: int, repeatable: bool, timing: Timing) -> _T:
    """Call, and call again after faults that may pass.

    ``repeatable`` says whether doing it twice does no harm (GET, or anything under an Idempotency-Key). What is
    not repeatable is tried again only where the fault shows that the API did nothing. Raises the last ClientError.
    """
    tried = 0
    while True:
        try:
            return call()
        except ClientError as error:
            delay = _delay(error, tried, timing)
            if tried >= retries or not _may_pass(error, repeatable=repeatable) or delay is None:
                raise
        timing.sleep(delay)
        tried += 1


def _may_pass(error: ClientError, *, repeatable: bool) -> bool:
    match error:
        case Unreachable():
            return True
        case ConnectionLost():
            return repeatable
        case DownloadFailed():
            return error.retriable
        case UploadRefused():
            # A form that has expired is followed by a fresh one.
            return error.status in upload_form.PASSING or error.status == upload_form.STALE
        case ApiError():
            return error.status in _REFUSED or error.code == _IN_USE or (repeatable and error.status in _LOST)
        case _:
            return False


def _delay(error: ClientError, tried: int, timing: Timing) -> float | None:
    """Return seconds to wait, or None if the server asks for more patience than a retry has."""
    asked = error.retry_after_seconds if isinstance(error, ApiError | UploadRefused) else None
    if asked is None:
        return min(LONGEST_SECONDS, BASE_SECONDS * 2.0**tried) * (0.5 + timing.jitter() / 2)
    # Never earlier than asked; spread, so that not all who were turned away come back together.
    return asked * (1 + timing.jitter() / 4) if asked <= LONGEST_ASKED_SECONDS else None
