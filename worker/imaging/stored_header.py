"""What a file says of its image before the pixels are decoded: what the planner decides by."""

from dataclasses import dataclass
from typing import Final

from PIL import Image
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from shared.pipeline.sizes import Size
from worker.imaging.colors import has_srgb_values

# Pillow calls a JPEG with several images in it (most phones write them) MPO: its first frame is the JPEG.
_PILLOW_NAMES: Final = {"MPO": "JPEG"}
_SIDEWAYS: Final = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHeader:
    """Facts of one image."""

    format: str
    #: Pillow's name for the kind of pixels in the file.
    mode: str
    #: Width and height in the file, pixels.
    stored_size: tuple[int, int]
    #: How the image lies in the file, by EXIF: 1 is upright, 2 to 8 are not.
    orientation: int
    is_opaque: bool
    #: Whether the numbers in the file are sRGB already: it has no color profile, or says so.
    is_srgb: bool
    #: Whether the file holds one image and no animation.
    is_still: bool

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height, pixels, as seen upright."""
        width, height = self.stored_size
        return (height, width) if self.orientation in _SIDEWAYS else (width, height)


def read_stored_header(image: Image.Image, *, orientation: int, is_still: bool) -> StoredHeader:
    """Read the facts of an opened file, whose EXIF says how it lies."""
    return StoredHeader(
        format=_PILLOW_NAMES.get(image.format or "", image.format or ""),
        mode=image.mode,
        stored_size=image.size,
        orientation=orientation,
        is_opaque=not image.has_transparency_data,
        is_srgb=has_srgb_values(image.info.get("icc_profile")),
        is_still=is_still,
    )


def get_tile_size(image: Image.Image) -> Size:
    """Return the size of the largest piece that is unpacked whole: a tile of a TIFF may be larger than the image."""
    if not isinstance(image, TiffImageFile):
        return image.size
    sides = (image.tag_v2.get(TILEWIDTH), image.tag_v2.get(TILELENGTH))
    width, height = (side if isinstance(side, int) else 1 for side in sides)
    return max(width, 1), max(height, 1)
