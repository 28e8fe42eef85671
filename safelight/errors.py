"""The errors that the client raises.

::

    ClientError
    ├── ApiError            the API responded with an error
    ├── Unreachable         there is no connection to the API, and nothing was sent
    ├── ConnectionLost      the connection broke before the response was complete
    │   └── NoAnswerInTime  the response did not arrive within the timeout
    ├── RequestNotSent      the request is invalid and can't be sent
    ├── UnexpectedAnswer    the response is not one of a Safelight API
    ├── DownloadFailed      an image can't be downloaded from its link
    ├── UploadRefused       S3 rejected the image
    ├── WaitedTooLong       the job has not ended within the timeout
    ├── LocalFileError      a file on this machine can't be read or written
    ├── AddressUnknown      the API's URL is missing or invalid
    ├── StateDirUnknown     there is no folder for the progress of uploads
    └── CredentialsMissing  credentials are missing or incomplete

The message of an error is for people and can change. ``code`` is for programs and never changes. If an exception of
another library caused the error, that exception is ``__cause__``.
"""

from dataclasses import dataclass


class ClientError(Exception):
    """Base class of all errors of the client."""

    code: str = "CLIENT_ERROR"


@dataclass(frozen=True, slots=True)
class Pointer:
    """An invalid field of a request: its JSON pointer or parameter name, and why it is invalid."""

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
    """There is no connection to the API, and nothing was sent."""

    code = "UNREACHABLE"
    #: True if nothing listens at a port of this machine, so that another try right away has the same result.
    is_closed_port = False


class ConnectionLost(ClientError):
    """The connection broke before the response was complete. The API may have processed the request."""

    code = "CONNECTION_LOST"


class NoAnswerInTime(ConnectionLost):
    """The request was sent, but no response arrived within the timeout. The API may have processed the request."""

    code = "NO_ANSWER_IN_TIME"


class RequestNotSent(ClientError):
    """The request is invalid and can't be sent. The error is not retryable."""

    code = "REQUEST_NOT_SENT"


class UnexpectedAnswer(ClientError):
    """The response is not one of a Safelight API. It may come from a proxy or a login page."""

    code = "UNEXPECTED_ANSWER"


class DownloadFailed(ClientError):
    """An image can't be downloaded from its link."""

    code = "DOWNLOAD_FAILED"

    def __init__(self, message: str, *, retriable: bool, status: int | None = None) -> None:
        """Store the HTTP status of S3's response, and whether another try with a new link may succeed."""
        super().__init__(message)
        self.retriable = retriable
        self.status = status


class UploadRefused(ClientError):
    """S3 rejected the image, for example because the form has expired or the image has another size or digest."""

    code = "UPLOAD_REFUSED"

    def __init__(self, message: str, *, status: int, reason: str, retry_after_seconds: float | None = None) -> None:
        """Store the fields. ``status`` is the HTTP status of S3's response, and ``reason`` is S3's error code."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class WaitedTooLong(ClientError):
    """The job has not ended within the timeout. The job is not cancelled."""

    code = "WAITED_TOO_LONG"


class LocalFileError(ClientError):
    """A file on this machine can't be read or written."""

    code = "LOCAL_FILE"


class AddressUnknown(ClientError):
    """The API's URL is missing or invalid."""

    code = "API_ADDRESS_UNKNOWN"


class StateDirUnknown(ClientError):
    """There is no folder for the progress of uploads."""

    code = "STATE_DIR_UNKNOWN"


class CredentialsMissing(ClientError):
    """The credentials or the region that the authentication needs are missing or invalid."""

    code = "CREDENTIALS_MISSING"
