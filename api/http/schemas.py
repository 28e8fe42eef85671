"""Views that several resources use: links, problem documents, and the base class of all views."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from shared.aws.s3.image_store import Link
from shared.clock import to_iso
from shared.errors import SafelightError

#: A time in a response: ISO 8601, UTC.
Timestamp = Annotated[datetime, PlainSerializer(to_iso, return_type=str)]


class View(BaseModel):
    """Base class of the JSON objects in responses. Frozen."""

    model_config = ConfigDict(frozen=True)


class LinkView(View):
    """A temporary link to an image. Anyone who has the link can download the image."""

    url: str
    expires_at: Timestamp
    media_type: str
    size: int = Field(description="Size in bytes.")
    filename: str

    @classmethod
    def of(cls, link: Link, *, media_type: str, size: int, filename: str) -> Self:
        """Return the view of a link."""
        return cls(url=link.url, expires_at=link.expires_at, media_type=media_type, size=size, filename=filename)


class FieldErrorView(View):
    """One invalid field of a request."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the request.")
    detail: str


class ProblemView(View):
    """A problem document (RFC 9457)."""

    type: str = Field(description="URL of the description of the error, `/v1/errors/{code}`.")
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(description="Stable error code. `GET /v1/errors` lists all codes.")
    retriable: bool
    request_id: str
    errors: list[FieldErrorView]

    @classmethod
    def of(cls, error: SafelightError, *, instance: str, request_id: str, base: str) -> Self:
        """Return the view of an error. ``base`` is the URL of the API, without a trailing slash."""
        return cls(
            type=f"{base}/v1/errors/{error.code}",
            title=error.title,
            status=error.status,
            detail=error.detail,
            instance=instance,
            code=error.code,
            retriable=error.retriable,
            request_id=request_id,
            errors=[FieldErrorView(pointer=each.pointer, detail=each.detail) for each in error.errors],
        )


def dump(view: BaseModel) -> dict[str, Any]:
    """Return a view as a dictionary of JSON values."""
    return view.model_dump(mode="json")
