"""Request bodies and views of upload tokens."""

import re
from typing import Any, Final, Self

from pydantic import Field, field_validator

from api.http.schemas import Timestamp, View
from api.jobs.options import Options, read_as
from api.jobs.schemas import PresetRefView
from api.jobs.tags import MAX_TAGS, Tags
from shared.errors import FieldError, InvalidRequest
from shared.jobs.upload_token import TokenState, UploadToken
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.strict import Integer

#: Seconds.
DEFAULT_LIFETIME: Final = 900
#: Seven days: S3's limit for signed requests.
MAX_LIFETIME: Final = 604_800
MAX_FILES: Final = 10_000
#: Scheme, host and port, as browsers send them: in lower case, without a path (RFC 6454).
_ORIGIN: Final = re.compile(r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?")
_DEFAULT_PORT: Final = re.compile(r"(http://.*:80|https://.*:443)")


class TokenRequest(Options):
    """A new upload token: what happens to each file, and what the token allows."""

    max_files: Integer = Field(default=1, ge=1, le=MAX_FILES, description="Maximum number of jobs.")
    max_bytes: Integer | None = Field(
        default=None,
        ge=1,
        le=10**15,
        description="Maximum number of bytes of all files together. Default: `max_files` times the largest image.",
    )
    expires_in: Integer = Field(default=DEFAULT_LIFETIME, ge=1, le=MAX_LIFETIME, description="Seconds.")
    origin: str | None = Field(
        default=None,
        max_length=300,
        description="Origin of the web page, such as `https://app.example.com`. If given, other origins are refused.",
    )
    tags: Tags = Field(
        default_factory=dict, max_length=MAX_TAGS, description="Names and values that each job shows, and its events."
    )

    @field_validator("origin")
    @classmethod
    def _check_origin(cls, origin: str | None) -> str | None:
        if origin is not None and (not _ORIGIN.fullmatch(origin) or _DEFAULT_PORT.fullmatch(origin)):
            raise ValueError("is not an origin as browsers send it, such as https://app.example.com")
        return origin


def read_token_request(query: dict[str, Any], fields: dict[str, Any]) -> TokenRequest:
    """Return the validated request for a token. Raises InvalidRequest or InvalidPipeline if a field is invalid."""
    request = read_as(TokenRequest, query, fields)
    if request.filename is not None:
        raise InvalidRequest(errors=(FieldError("/filename", "is allowed only for a job"),))
    return request


class TokenView(View):
    """An upload token without its secret."""

    id: str
    state: TokenState
    created_at: Timestamp
    expires_at: Timestamp
    revoked_at: Timestamp | None
    max_files: int
    files: int = Field(description="Jobs that were created with the token.")
    max_bytes: int
    bytes: int = Field(description="Bytes that these jobs count. Ended and deleted jobs count too.")
    origin: str | None
    pipeline: Pipeline | None
    preset: PresetRefView | None
    webhook: str | None
    tags: dict[str, str]

    @classmethod
    def of(cls, token: UploadToken, state: TokenState) -> Self:
        """Return the view of a token."""
        return cls(**_fields(token, state))


class NewTokenView(TokenView):
    """A new upload token. Only this response contains the secret."""

    token: str = Field(description="Send it as `Authorization: Bearer …`.")
    url: str = Field(description="URL of the API for requests with the token.")

    @classmethod
    def with_secret(cls, token: UploadToken, state: TokenState, *, text: str, url: str) -> Self:
        """Return the view of a token and its text."""
        return cls(**_fields(token, state), token=text, url=url)


class TokenPageView(View):
    """A page of the caller's upload tokens, newest first."""

    tokens: list[TokenView]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page. Null on the last page.")


def _fields(token: UploadToken, state: TokenState) -> dict[str, Any]:
    return {
        "id": token.id,
        "state": state,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "max_files": token.max_files,
        "files": token.files,
        "max_bytes": token.max_bytes,
        "bytes": token.bytes,
        "origin": token.origin,
        "pipeline": token.spec.pipeline,
        "preset": PresetRefView.of(token.spec.preset),
        "webhook": token.spec.webhook,
        "tags": dict(token.spec.tags),
    }
