"""The caller's declaration of an upload, and the check of the uploaded bytes against it."""

from dataclasses import dataclass
from enum import StrEnum

from shared.errors import DigestMismatch, ImageError, SizeMismatch, TypeMismatch
from shared.jobs.part_plan import PartPlan
from shared.pipeline.image_formats import BY_MEDIA_TYPE, ImageFormat, detect_format

#: Declares no media type. The format is detected from the content.
ANY_TYPE = "application/octet-stream"


class UploadMethod(StrEnum):
    """How a caller sends a file to S3."""

    #: A form.
    POST = "post"
    #: One presigned request, which needs the size.
    PUT = "put"
    #: Presigned parts, which need the size. An interrupted upload continues with the missing parts.
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadDeclaration:
    """The properties of the bytes that a caller will upload."""

    #: Media type of an accepted format, or ``ANY_TYPE``. The upload form requires it.
    media_type: str
    #: Size in bytes. S3 refuses other sizes.
    size: int | None = None
    #: SHA-256 digest of the bytes, hexadecimal.
    digest: str | None = None
    method: UploadMethod = UploadMethod.POST
    #: Bytes of every part but the last. None for the default, and for other methods.
    part_size: int | None = None

    @property
    def plan(self) -> PartPlan | None:
        """Return the parts of a multipart upload, or None for other methods."""
        if self.method is not UploadMethod.MULTIPART or self.size is None:
            return None
        return PartPlan.of(self.size, self.part_size)

    @property
    def extension(self) -> str:
        """Return the file name extension of this type."""
        image_format = declared_format(self.media_type)
        return image_format.extension if image_format else "bin"

    def require_match(self, data: bytes, digest: str | None) -> None:
        """Raise TypeMismatch, SizeMismatch or DigestMismatch if the bytes differ from the declaration.

        ``digest`` is the SHA-256 digest of ``data``, hexadecimal. S3 refuses other sizes, except if a multipart upload
        is completed without its last parts.

        Bytes that are not an image raise no TypeMismatch, because the decoder reports a more precise error.
        """
        mismatch = self.find_mismatch(detect_format(data), len(data), digest)
        if mismatch is not None:
            raise mismatch

    def find_mismatch(self, found: ImageFormat | None, size: int | None, digest: str | None) -> ImageError | None:
        """Return TypeMismatch, SizeMismatch or DigestMismatch if a file differs from the declaration, otherwise None.

        ``found`` is the format that the content of the file has, or None if it is not an image.
        """
        declared = declared_format(self.media_type)
        if declared is not None and found is not None and found != declared:
            return TypeMismatch(f"The content is {found.name}; {self.media_type} was declared.")
        if self.size is not None and size != self.size:
            return SizeMismatch(f"The file has {size or 0:,} bytes; {self.size:,} were declared.")
        return DigestMismatch() if self.digest is not None and digest != self.digest else None


def is_declarable(media_type: str) -> bool:
    """Return True if uploads of a media type are accepted."""
    return media_type == ANY_TYPE or declared_format(media_type) is not None


def declared_format(media_type: str) -> ImageFormat | None:
    """Return the image format of a media type, or None for ``ANY_TYPE`` and for types that are not accepted."""
    return BY_MEDIA_TYPE.get(media_type)
