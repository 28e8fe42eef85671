"""The body of ``POST /v1/uploads``: what will be sent, and what is to be done with it."""

from typing import Any, Final

from pydantic import Field

from api.jobs.options import Options, read_as
from shared.errors import FieldError, TooManyBytes, UnsupportedImageType
from shared.jobs.upload_declaration import UploadDeclaration, is_declarable
from shared.pipeline.image_formats import ACCEPTED

DIGEST_PATTERN: Final = r"^[0-9a-f]{64}$"


class UploadRequest(Options):
    """Options of a job, beside the facts of bytes that are still to come."""

    content_type: str = Field(
        max_length=255,
        description="Media type of the file, which S3 demands; `application/octet-stream` leaves it to the content.",
    )
    size: int | None = Field(default=None, ge=1, description="Bytes. If given, S3 takes exactly so many.")
    digest: str | None = Field(default=None, pattern=DIGEST_PATTERN, description="SHA-256 of the bytes, hexadecimal.")

    def declaration(self, max_bytes: int) -> UploadDeclaration:
        """Return what is promised. Raises UnsupportedImageType, or TooManyBytes for more than ``max_bytes``."""
        media_type = self.content_type.partition(";")[0].strip().lower()
        if not is_declarable(media_type):
            supported = ", ".join(each.media_type for each in ACCEPTED)
            raise UnsupportedImageType(
                f"Supported are {supported}.", errors=(FieldError("/content_type", "no supported type"),)
            )
        if self.size is not None and self.size > max_bytes:
            raise TooManyBytes(
                f"The image file has {self.size:,} bytes; {max_bytes:,} are allowed.",
                errors=(FieldError("/size", f"over {max_bytes}"),),
            )
        return UploadDeclaration(media_type=media_type, size=self.size, digest=self.digest)


def read_upload_request(query: dict[str, Any], fields: dict[str, Any]) -> UploadRequest:
    """Read the request. Raises InvalidRequest or InvalidPipeline."""
    return read_as(UploadRequest, query, fields)
