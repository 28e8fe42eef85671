"""Facts from the header of a file. The planner uses them before the pixels are decoded."""

from dataclasses import dataclass
from typing import Final

from PIL import Image

from shared.pipeline.sizes import Size
from worker.imaging.color.description import ColorDescription
from worker.imaging.colors import has_srgb_values
from worker.imaging.lazy_image import LazyImage

# Pillow calls a JPEG with several images MPO. Many phones write such files. The first image is a normal JPEG.
_PILLOW_NAMES: Final = {"MPO": "JPEG"}
#: EXIF orientations that swap width and height.
SIDEWAYS: Final = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHeader:
    """Facts from the header of one image."""

    format: str
    #: Pillow's mode of the pixels in the file.
    mode: str
    #: Width and height in pixels, as stored.
    stored_size: tuple[int, int]
    #: EXIF orientation: 1 is upright, 2 to 8 are rotated or mirrored.
    orientation: int
    is_opaque: bool
    #: True if the pixels are sRGB and need no conversion.
    is_srgb: bool
    #: True if the file contains only one image.
    is_still: bool

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in pixels, upright."""
        width, height = self.stored_size
        return (height, width) if self.orientation in SIDEWAYS else (width, height)


def read_stored_header(
    image: Image.Image, *, color: ColorDescription, orientation: int, is_still: bool
) -> StoredHeader:
    """Read the header of an opened file."""
    return StoredHeader(
        format=_PILLOW_NAMES.get(image.format or "", image.format or ""),
        mode=image.mode,
        stored_size=image.size,
        orientation=orientation,
        is_opaque=not image.has_transparency_data,
        is_srgb=has_srgb_values(color),
        is_still=is_still,
    )


def get_tile_size(image: Image.Image) -> Size:
    """Return the size of the largest area that is decoded in one step. The tile of a TIFF can exceed the image."""
    return image.tile_size if isinstance(image, LazyImage) else image.size
