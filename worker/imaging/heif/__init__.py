"""HEIC and HEIF files: checks of the header, the binding to libheif, and a plug-in for Pillow."""

from collections.abc import Mapping

from shared.pipeline.image_formats import HEIC


def needs_heif(data: bytes, assets: Mapping[str, bytes]) -> bool:
    """Return True if an image or one of its assets is a HEIF file, so that libheif is needed."""
    return any(HEIC.matches(file) for file in (data, *assets.values()))
