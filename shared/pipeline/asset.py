"""Assets: images that a caller keeps under a name, for operations to refer to.

A job pins the content that an asset had when the job was made. A new content under the same name has another key,
so a job does the same on every attempt, whatever has been uploaded since; deleting the asset deletes all contents.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.pipeline.image_formats import JPEG, PNG, WEBP

#: Formats that a watermark may have.
ASSET_FORMATS: Final = (PNG, JPEG, WEBP)


@dataclass(frozen=True, slots=True)
class AssetPin:
    """One content of an asset, as a job refers to it."""

    name: str
    #: SHA-256 of the bytes, hexadecimal.
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """The facts of an image that a caller keeps."""

    name: str
    #: SHA-256 of the bytes, hexadecimal.
    digest: str
    #: Bytes.
    size: int
    format: str
    #: Pixels, upright, as the header says.
    width: int
    height: int
    uploaded_at: datetime

    @property
    def pin(self) -> AssetPin:
        """Return name and content."""
        return AssetPin(self.name, self.digest)
