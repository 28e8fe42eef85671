"""What a caller has promised of bytes that are still to come, and what the bytes turn out to be."""

import hashlib
from dataclasses import dataclass

from shared.errors import DigestMismatch, TypeMismatch
from shared.pipeline.image_formats import ACCEPTED, ImageFormat, detect

#: Promises nothing: the content decides.
ANY_TYPE = "application/octet-stream"
_ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-ms-bmp": "image/bmp"}
_BY_TYPE = {image_format.media_type: image_format for image_format in ACCEPTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadDeclaration:
    """What the upload's form was asked for with."""

    #: As the form demands it: of an accepted format, or ``ANY_TYPE``.
    media_type: str
    #: Bytes; S3 itself holds the upload to it.
    size: int | None = None
    #: SHA-256 of the bytes, hexadecimal.
    digest: str | None = None

    @property
    def extension(self) -> str:
        """Return what a file of this type is named after."""
        image_format = declared_format(self.media_type)
        return image_format.extension if image_format else "bin"

    def require_match(self, data: bytes) -> None:
        """Raise TypeMismatch or DigestMismatch where the bytes are not what was promised.

        What is no image at all is left to the decoder, which names the reason.
        """
        promised, found = declared_format(self.media_type), detect(data)
        if promised is not None and found is not None and found != promised:
            raise TypeMismatch(f"The content is {found.name}; {self.media_type} was declared.")
        if self.digest is not None and hashlib.sha256(data).hexdigest() != self.digest:
            raise DigestMismatch


def is_declarable(media_type: str) -> bool:
    """Tell whether bytes of a type may be announced."""
    return media_type == ANY_TYPE or declared_format(media_type) is not None


def declared_format(media_type: str) -> ImageFormat | None:
    """Return the format of a media type; None for ``ANY_TYPE`` and for what is not accepted."""
    return _BY_TYPE.get(_ALIASES.get(media_type, media_type))
