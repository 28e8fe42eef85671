"""What a file says of its picture before the pixels are decoded: what the planner decides by."""

from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from shared.formats import TIFF
from worker.imaging.colors import is_neutral

# Pillow calls a JPEG with several pictures in it (most phones write them) MPO: its first frame is the JPEG.
_PILLOW_NAMES: Final = {"MPO": "JPEG"}
_ORIENTATION_TAG: Final = 0x0112
_LYING: Final = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Facts of one picture."""

    format: str
    mode: str
    """Pillow's name for the kind of pixels in the file."""
    stored_size: tuple[int, int]
    """Width and height in the file, pixels."""
    orientation: int
    """How the picture lies in the file, by EXIF: 1 is upright, 2 to 8 are not."""
    opaque: bool
    neutral: bool
    """Whether the numbers in the file are sRGB already: it has no colour profile, or says so."""
    still: bool
    """Whether the file holds one picture and no animation."""

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height, pixels, as seen upright."""
        width, height = self.stored_size
        return (height, width) if self.orientation in _LYING else (width, height)


def read_header(image: Image.Image, *, still: bool) -> Header:
    """Read the facts of an opened file."""
    orientation = _orientation(image)
    return Header(
        format=_PILLOW_NAMES.get(image.format or "", image.format or ""),
        mode=image.mode,
        stored_size=image.size,
        orientation=orientation,
        opaque=not image.has_transparency_data,
        neutral=is_neutral(image.info.get("icc_profile")),
        still=still,
    )


def _orientation(image: Image.Image) -> int:
    if image.format == TIFF.name:
        return 1  # Pillow turns a TIFF while it loads, and tells its size as turned from the start.
    # Of a PNG without EXIF before its pixels this loads them, to find what may follow. They are needed anyway.
    found: Any = image.getexif().get(_ORIENTATION_TAG)
    return int(found) if found in range(2, 9) else 1
