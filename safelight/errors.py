"""The error tree of the client: every way in which a call can go wrong.

::

    ClientError
    ├── ApiError            the API answered, with an error
    ├── Unreachable         no connection to the API; nothing was sent
    ├── ConnectionLost      the connection broke before the answer was whole
    │   └── NoAnswerInTime
    ├── RequestNotSent      the request can't be sent as it is
    ├── UnexpectedAnswer    what answered does not speak Safelight's contract
    ├── DownloadFailed      a link did not deliver the image
    ├── UploadRefused       the store did not take the image
    ├── WaitedTooLong       the job is still open
    ├── LocalFileError      a file on this machine can't be read or written
    ├── AddressUnknown      nobody said where the API is, or what they said is no address
    └── CredentialsMissing  the request should be signed, and there is nothing to sign it with

The text of an error is a sentence for people; ``code`` is for machines and never changes. The foreign
exception behind it is the chained ``__cause__``.
"""

from dataclasses import dataclass


class ClientError(Exception):
    """Root of the tree."""

    code: str = "CLIENT_ERROR"


@dataclass(frozen=True, slots=True)
class Pointer:
    """One wrong field: a JSON pointer or parameter name, and what is wrong with it."""

    pointer: str
    detail: str


class ApiError(ClientError):
    """The API answered, with an error: its public facts, as in the problem document."""

    def __init__(  # noqa: PLR0913 - the facts of a problem document
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
        """Keep the facts; ``status`` is that of HTTP, ``code`` the API's own stable one."""
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
    """No connection to the API: nothing was sent."""

    code = "UNREACHABLE"


class ConnectionLost(ClientError):
    """The connection broke before the answer was whole; the API may have acted or not."""

    code = "CONNECTION_LOST"


class NoAnswerInTime(ConnectionLost):
    """The request went out and no answer came within the time limit."""

    code = "NO_ANSWER_IN_TIME"


class RequestNotSent(ClientError):
    """The request can't be sent as it is, now or later."""

    code = "REQUEST_NOT_SENT"


class UnexpectedAnswer(ClientError):
    """What answered does not speak Safelight's contract: a proxy, a login page, another service."""

    code = "UNEXPECTED_ANSWER"


class DownloadFailed(ClientError):
    """A link did not deliver the image."""

    code = "DOWNLOAD_FAILED"

    def __init__(self, message: str, *, retriable: bool, status: int | None = None) -> None:
        """Keep whether another try, with a fresh link, may help, and the status that the store answered with."""
        super().__init__(message)
        self.retriable = retriable
        self.status = status


class UploadRefused(ClientError):
    """The store did not take the image: the form has expired, or the bytes are not those that were announced."""

    code = "UPLOAD_REFUSED"

    def __init__(self, message: str, *, status: int, reason: str, retry_after_seconds: float | None = None) -> None:
        """Keep the store's status and its own code."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class WaitedTooLong(ClientError):
    """The job was still open when the time to wait for it had passed. It goes on regardless."""

    code = "WAITED_TOO_LONG"


class LocalFileError(ClientError):
    """A file on this machine can't be read or written."""

    code = "LOCAL_FILE"


class AddressUnknown(ClientError):
    """Nobody said where the API is, or what they said is no address."""

    code = "API_ADDRESS_UNKNOWN"


class CredentialsMissing(ClientError):
    """The request should be signed, and there is nothing to sign it with."""

    code = "CREDENTIALS_MISSING"
