"""Presets and assets."""

from typing import Any

from pydantic import Field

from safelight.models.response import Response, Timestamp


class PresetReference(Response):
    """The name and version of a preset."""

    name: str
    version: int


class Preset(Response):
    """One version of a named pipeline."""

    name: str
    version: int
    description: str = ""
    built_in: bool = False
    created_at: Timestamp | None = None
    pipeline: dict[str, Any] = Field(default_factory=dict)


class PresetPage(Response):
    """One page of presets."""

    presets: tuple[Preset, ...] = ()
    next_cursor: str | None = None


class Asset(Response):
    """A stored image for use in pipelines, such as a watermark."""

    name: str
    format: str | None = None
    media_type: str | None = None
    #: Bytes.
    size: int | None = None
    #: Pixels.
    width: int | None = None
    height: int | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None
    uploaded_at: Timestamp | None = None


class AssetPage(Response):
    """One page of assets."""

    assets: tuple[Asset, ...] = ()
    next_cursor: str | None = None
