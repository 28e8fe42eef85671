"""Upload tokens."""

from typing import Any

from pydantic import Field

from safelight.models.catalog import PresetReference
from safelight.models.response import Response, Timestamp


class UploadToken(Response):
    """An upload token without its secret."""

    id: str
    #: A newer API can return a state that this client does not know.
    state: str
    created_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    revoked_at: Timestamp | None = None
    max_files: int = 0
    #: Jobs that were created with the token.
    files: int = 0
    max_bytes: int = 0
    #: Bytes that these jobs count.
    bytes: int = 0
    origin: str | None = None
    pipeline: dict[str, Any] | None = None
    preset: PresetReference | None = None
    webhook: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class NewUploadToken(UploadToken):
    """A new upload token."""

    #: The token, which no other response contains. Requests send it as ``Authorization: Bearer``.
    token: str
    #: URL of the API for requests with the token.
    url: str


class UploadTokenPage(Response):
    """One page of upload tokens."""

    tokens: tuple[UploadToken, ...] = ()
    next_cursor: str | None = None
