"""Which faults pass, and which of them say something about one file."""

from safelight.errors import ApiError, ClientError, ConnectionLost, DownloadFailed, Unreachable, UploadRefused
from safelight.transport.upload_form import PASSING


def passes(error: ClientError) -> bool:
    """Tell whether another try may go well."""
    match error:
        case Unreachable() | ConnectionLost():
            return True
        case DownloadFailed():
            return error.retriable
        case UploadRefused():
            return error.status in PASSING
        case ApiError():
            return error.retriable or error.status in PASSING
        case _:
            return False


def is_of_the_server(error: ClientError) -> bool:
    """Tell whether the other side is away or busy, whatever file it was about."""
    if isinstance(error, ApiError | UploadRefused):
        return error.status in {429, 503}
    return isinstance(error, Unreachable)


def asked_pause(error: ClientError) -> float | None:
    """Return the ``Retry-After`` in seconds, if there was one."""
    return error.retry_after_seconds if isinstance(error, ApiError | UploadRefused) else None
