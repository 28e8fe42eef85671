"""Requests and views of direct uploads."""

from typing import Any, Final, Self

from pydantic import Field

from api.http.schemas import Timestamp, View
from api.jobs.options import Options, read_as
from api.jobs.schemas import JobView
from shared.aws.s3.upload_forms import UploadForm
from shared.errors import FieldError, TooManyBytes, UnsupportedImageType
from shared.jobs.upload_declaration import UploadDeclaration, declared_format, is_declarable
from shared.pipeline.image_formats import INPUT_FORMATS
from shared.pipeline.limits import HEIF_IS_OFF, Limits

DIGEST_PATTERN: Final = r"^[0-9a-f]{64}$"


class UploadRequest(Options):
    """Options of a job, and properties of the file that will be uploaded."""

    content_type: str = Field(
        max_length=255,
        description="Media type that the file must have. `application/octet-stream` allows any supported type.",
    )
    size: int | None = Field(
        default=None,
        ge=1,
        description="Size of the file in bytes. If given, S3 accepts only a file of exactly this size.",
    )
    digest: str | None = Field(
        default=None,
        pattern=DIGEST_PATTERN,
        description="SHA-256 digest of the file, hexadecimal. If given, the job fails if the file has another digest.",
    )

    def declaration(self, limits: Limits) -> UploadDeclaration:
        """Return the declared properties of the file.

        Raises UnsupportedImageType if the type is not supported, or TooManyBytes if the size is above the limit.
        """
        media_type = self.content_type.partition(";")[0].strip().lower()
        declared = declared_format(media_type)
        if declared is not None and not limits.accepts(declared):
            raise UnsupportedImageType(HEIF_IS_OFF, errors=(FieldError("/content_type", "is turned off"),))
        if not is_declarable(media_type):
            supported = ", ".join(each.media_type for each in INPUT_FORMATS)
            raise UnsupportedImageType(
                f"Supported types: {supported}.", errors=(FieldError("/content_type", "is not a supported type"),)
            )
        if self.size is not None and self.size > limits.max_bytes:
            raise TooManyBytes(
                f"The image file has {self.size:,} bytes. At most {limits.max_bytes:,} are allowed.",
                errors=(FieldError("/size", f"is larger than {limits.max_bytes}"),),
            )
        return UploadDeclaration(media_type=media_type, size=self.size, digest=self.digest)


def read_upload_request(query: dict[str, Any], fields: dict[str, Any]) -> UploadRequest:
    """Return the validated request. Raises InvalidRequest or InvalidPipeline if a field is invalid."""
    return read_as(UploadRequest, query, fields)


class UploadView(View):
    """A form to send to `url` as `multipart/form-data`: all `fields`, then `file` as the last. S3 returns 204."""

    url: str
    fields: dict[str, str]
    max_bytes: int = Field(description="Maximum size in bytes that S3 accepts.")
    expires_at: Timestamp

    @classmethod
    def of(cls, form: UploadForm | None) -> Self | None:
        """Return the view of a form, or None if ``form`` is None."""
        if form is None:
            return None
        return cls(url=form.url, fields=form.fields, max_bytes=form.max_bytes, expires_at=form.expires_at)


class FormView(View):
    """A new form."""

    upload: UploadView


class UploadJobView(JobView):
    """A job that awaits an upload."""

    upload: UploadView | None = Field(
        description="Null if the job no longer awaits an upload, or if its form has expired."
    )
