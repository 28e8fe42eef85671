"""The errors that the client raises.

::

    ClientError
    ├── ApiError            the API responded with an error
    ├── Unreachable         no connection to the API; nothing was sent
    ├── ConnectionLost      the connection broke before the response was complete
    │   └── NoAnswerInTime  no response within the timeout
    ├── RequestNotSent      the request is invalid and can't be sent
    ├── UnexpectedAnswer    the response does not follow the API's contract
    ├── DownloadFailed      an image can't be downloaded from its link
    ├── UploadRefused       the store rejected the image
    ├── WaitedTooLong       the job is not done within the timeout
    ├── LocalFileError      a file on this machine can't be read or written
    ├── AddressUnknown      the API's address is missing or invalid
    └── CredentialsMissing  credentials are missing or incomplete

The message of an error is for people. ``code`` is for programs and never changes. If another library's exception is the
cause, it is chained as ``__cause__``.
"""

from dataclasses import dataclass


class ClientError(Exception):
    """Base class of all errors of the client."""

    code: str = "CLIENT_ERROR"


@dataclass(frozen=True, slots=True)
class Pointer:
    """One invalid field: a JSON pointer or parameter name, and the reason."""

    pointer: str
    detail: str


class ApiError(ClientError):
    """The API responded with an error. The attributes are the fields of its problem document (RFC 9457)."""

    def __init__(  # noqa: PLR0913 - the fields of a problem document
        self,
        detail: str,
        *,
        code: str,
        status: int,
        title: str = "",
        retriable: bool = False,
        request_id: str | None = None,
        pointers: tuple[Pointer, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        """Store the fields. ``status`` is the HTTP status, ``code`` the API's stable error code."""
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status
        self.title = title or detail
        self.retriable = retriable
        self.request_id = request_id
        self.pointers = pointers
        self.retry_after_seconds = retry_after_seconds


class Unreachable(ClientError):
    """The API can't be reached. Nothing was sent."""

    code = "UNREACHABLE"


class ConnectionLost(ClientError):
    """The connection broke before the response was complete. The API may have processed the request."""

    code = "CONNECTION_LOST"


class NoAnswerInTime(ConnectionLost):
    """The request was sent, and no response arrived within the timeout."""

    code = "NO_ANSWER_IN_TIME"


class RequestNotSent(ClientError):
    """The request is invalid and can't be sent. Not retryable."""

    code = "REQUEST_NOT_SENT"


class UnexpectedAnswer(ClientError):
    """The response does not follow the API's contract, for example one of a proxy or a login page."""

    code = "UNEXPECTED_ANSWER"


class DownloadFailed(ClientError):
    """An image can't be downloaded from its link."""

    code = "DOWNLOAD_FAILED"

    def __init__(self, message: str, *, retriable: bool, status: int | None = None) -> None:
        """Store the store's HTTP status, and whether another try with a new link may succeed."""
        super().__init__(message)
        self.retriable = retriable
        self.status = status


class UploadRefused(ClientError):
    """The store rejected the image, for example because the form expired or the size or digest differs."""

    code = "UPLOAD_REFUSED"

    def __init__(self, message: str, *, status: int, reason: str, retry_after_seconds: float | None = None) -> None:
        """Store the store's HTTP status and its error code."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class WaitedTooLong(ClientError):
    """The job was not done within the timeout. It continues to run."""

    code = "WAITED_TOO_LONG"


class LocalFileError(ClientError):
    """A file on this machine can't be read or written."""

    code = "LOCAL_FILE"


class AddressUnknown(ClientError):
    """The API's address is missing or invalid."""

    code = "API_ADDRESS_UNKNOWN"


class CredentialsMissing(ClientError):
    """The credentials or the region for the required authentication are missing."""

    code = "CREDENTIALS_MISSING"
