"""Assets: stored images with a name, to which operations refer.

A job pins the content that an asset has when the job is created. New content under the same name is stored under
another key, so every attempt of the job uses the same content. Deleting an asset deletes all versions of its content.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.pipeline.image_formats import JPEG, PNG, WEBP

#: Formats of assets.
ASSET_FORMATS: Final = (PNG, JPEG, WEBP)


@dataclass(frozen=True, slots=True)
class AssetPin:
    """The version of an asset's content that a job uses."""

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
        """Return the name and digest that a job stores."""
        return AssetPin(self.name, self.digest)
