"""Assets: pictures that a caller keeps under a name, for operations to refer to.

A job pins the content that an asset had when the job was made. A new content under the same name has another key,
so a job does the same on every attempt, whatever has been uploaded since; deleting the asset deletes all contents.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.pipeline.image_formats import JPEG, PNG, WEBP

ASSET_FORMATS: Final = (PNG, JPEG, WEBP)
"""Formats that a watermark may have."""


@dataclass(frozen=True, slots=True)
class AssetPin:
    """One content of an asset, as a job refers to it."""

    name: str
    digest: str
    """SHA-256 of the bytes, hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """The facts of a picture that a caller keeps."""

    name: str
    digest: str
    """SHA-256 of the bytes, hexadecimal."""
    size: int
    """Bytes."""
    format: str
    width: int
    """Pixels, upright, as the header says."""
    height: int
    uploaded_at: datetime

    @property
    def pin(self) -> AssetPin:
        """Return name and content."""
        return AssetPin(self.name, self.digest)
