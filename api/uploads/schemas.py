"""Requests and views of direct uploads."""

from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import Field

from api.http.schemas import Timestamp, View
from api.jobs.options import Options, read_as
from api.jobs.schemas import JobView
from shared.aws.s3.multipart_uploads import SignedRequest
from shared.aws.s3.upload_forms import UploadForm
from shared.errors import FieldError, InvalidRequest, TooManyBytes, UnsupportedImageType
from shared.jobs.part_plan import MAX_PART_BYTES, MAX_PARTS, MIN_PART_BYTES, PartPlan
from shared.jobs.upload_declaration import UploadDeclaration, UploadMethod, declared_format, is_declarable
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
    method: UploadMethod = Field(
        default=UploadMethod.POST,
        description="How the file is sent to S3: with a form, with one signed `PUT`, or in parts. `put` and `multipart`"
        " need `size`.",
    )
    part_size: int | None = Field(
        default=None,
        ge=MIN_PART_BYTES,
        le=MAX_PART_BYTES,
        description="Only for `multipart`: bytes of every part but the last. Default: 5 MiB, or more for a file of more"
        " than 10,000 such parts.",
    )

    def declaration(self, limits: Limits) -> UploadDeclaration:
        """Return the declared properties of the file.

        Raises UnsupportedImageType if the type is not supported, TooManyBytes if the size is above the limit, or
        InvalidRequest if the method needs a size or another part size.
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
        if self.method is not UploadMethod.POST and self.size is None:
            raise InvalidRequest(errors=(FieldError("/size", f"is required for the method {self.method.value}"),))
        if self.method is not UploadMethod.MULTIPART and self.part_size is not None:
            raise InvalidRequest(errors=(FieldError("/part_size", "is allowed only for the method multipart"),))
        declaration = UploadDeclaration(
            media_type=media_type, size=self.size, digest=self.digest, method=self.method, part_size=self.part_size
        )
        if declaration.plan is not None and declaration.plan.count > MAX_PARTS:
            raise InvalidRequest(errors=(FieldError("/part_size", f"divides the file into more than {MAX_PARTS:,}"),))
        return declaration


def read_upload_request(query: dict[str, Any], fields: dict[str, Any]) -> UploadRequest:
    """Return the validated request. Raises InvalidRequest or InvalidPipeline if a field is invalid."""
    return read_as(UploadRequest, query, fields)


class UploadView(View):
    """A form to send to `url` as `multipart/form-data`: all `fields`, then `file` as the last. S3 returns 204."""

    method: Literal["POST"] = "POST"
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


class PutView(View):
    """A signed request: send the file with `PUT` to `url`, with exactly these `headers`. S3 returns 200.

    S3 returns 412 if it already has the file.
    """

    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    max_bytes: int = Field(description="Size in bytes. S3 accepts no other size.")
    expires_at: Timestamp


class MultipartView(View):
    """A multipart upload: sign the parts, send each with `PUT`, then complete the upload."""

    upload_id: str | None = Field(
        description="S3's ID of the upload. Null for a new member of a batch: `POST …/form` starts its upload."
    )
    part_size: int = Field(description="Bytes of every part but the last.")
    part_count: int
    max_bytes: int = Field(description="Size in bytes of the whole file.")
    expires_at: Timestamp = Field(description="Until when the upload can be continued.")

    @classmethod
    def of(cls, plan: PartPlan, upload_id: str | None, expires_at: datetime) -> Self:
        """Return the view of a multipart upload."""
        return cls(
            upload_id=upload_id,
            part_size=plan.part_size,
            part_count=plan.count,
            max_bytes=plan.size,
            expires_at=expires_at,
        )


class Instructions(View):
    """How to send the file. One of the three is not null, depending on the `method` of the request."""

    upload: UploadView | None = Field(
        default=None, description="The form. Null if the job no longer awaits an upload, or if its form has expired."
    )
    put: PutView | None = Field(default=None, description="The signed request. Null as `upload`.")
    multipart: MultipartView | None = Field(default=None, description="The multipart upload. Null as `upload`.")

    @property
    def is_empty(self) -> bool:
        """Return True if the file can't be sent."""
        return self.upload is None and self.put is None and self.multipart is None

    @classmethod
    def of_put(cls, request: SignedRequest, *, size: int, expires_at: datetime) -> Self:
        """Return the instructions for a single request."""
        return cls(put=PutView(url=request.url, headers=request.headers, max_bytes=size, expires_at=expires_at))


class FormView(Instructions):
    """A new form or signed request, or the multipart upload."""


class UploadJobView(JobView, Instructions):
    """A job that awaits an upload, and how to send its file."""
