"""Requests and views of direct uploads."""

from typing import Any, Final, Self

from pydantic import Field

from api.http.schemas import Timestamp, View
from api.jobs.options import Options, read_as
from api.jobs.schemas import JobView
from shared.aws.s3.upload_forms import UploadForm
from shared.errors import FieldError, TooManyBytes, UnsupportedImageType
from shared.jobs.upload_declaration import UploadDeclaration, is_declarable
from shared.pipeline.image_formats import INPUT_FORMATS

DIGEST_PATTERN: Final = r"^[0-9a-f]{64}$"


class UploadRequest(Options):
    """Options of a job, and the facts of the bytes to be uploaded."""

    content_type: str = Field(
        max_length=255,
        description="Media type that S3 requires of the file. With `application/octet-stream`, the content decides.",
    )
    size: int | None = Field(default=None, ge=1, description="Bytes. If given, S3 accepts exactly this size.")
    digest: str | None = Field(default=None, pattern=DIGEST_PATTERN, description="SHA-256 of the bytes, hexadecimal.")

    def declaration(self, max_bytes: int) -> UploadDeclaration:
        """Return the declaration. Raises UnsupportedImageType, or TooManyBytes above ``max_bytes``."""
        media_type = self.content_type.partition(";")[0].strip().lower()
        if not is_declarable(media_type):
            supported = ", ".join(each.media_type for each in INPUT_FORMATS)
            raise UnsupportedImageType(
                f"Supported are {supported}.", errors=(FieldError("/content_type", "is not a supported type"),)
            )
        if self.size is not None and self.size > max_bytes:
            raise TooManyBytes(
                f"The image file has {self.size:,} bytes; {max_bytes:,} are allowed.",
                errors=(FieldError("/size", f"over {max_bytes}"),),
            )
        return UploadDeclaration(media_type=media_type, size=self.size, digest=self.digest)


def read_upload_request(query: dict[str, Any], fields: dict[str, Any]) -> UploadRequest:
    """Return the request. Raises InvalidRequest or InvalidPipeline."""
    return read_as(UploadRequest, query, fields)


class UploadView(View):
    """A form to send as `multipart/form-data`: every field, then `file` as the last. S3 answers 204."""

    url: str
    fields: dict[str, str]
    max_bytes: int = Field(description="Maximum bytes that S3 accepts.")
    expires_at: Timestamp

    @classmethod
    def of(cls, form: UploadForm | None) -> Self | None:
        """Return the view of a form, or None without one."""
        if form is None:
            return None
        return cls(url=form.url, fields=form.fields, max_bytes=form.max_bytes, expires_at=form.expires_at)


class FormView(View):
    """A new form."""

    upload: UploadView


class UploadJobView(JobView):
    """A job that awaits its bytes."""

    upload: UploadView | None = Field(description="Null if the job no longer awaits bytes or its form has expired.")
