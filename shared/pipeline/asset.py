"""Assets: stored images with a name, to which operations refer.

A job pins the content that an asset had when the job was created. A new content with the same name has another key, so
every attempt of a job uses the same content. Deleting an asset deletes all its contents.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.pipeline.image_formats import JPEG, PNG, WEBP

#: Formats of assets.
ASSET_FORMATS: Final = (PNG, JPEG, WEBP)


@dataclass(frozen=True, slots=True)
class AssetPin:
    """One content of an asset, to which a job refers."""

    name: str
    #: SHA-256 of the bytes, hexadecimal.
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """The record of an asset."""

    name: str
    #: SHA-256 of the bytes, hexadecimal.
    digest: str
    #: Bytes.
    size: int
    format: str
    #: Pixels, upright, from the header.
    width: int
    height: int
    uploaded_at: datetime

    @property
    def pin(self) -> AssetPin:
        """Return name and content."""
        return AssetPin(self.name, self.digest)
