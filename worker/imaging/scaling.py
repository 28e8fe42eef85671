"""The first resize of a pipeline, brought to the image as the file stores it.

An image that lies on its side is cheaper to scale lying, and then to turn, than the other way round.
"""

from dataclasses import dataclass, replace
from typing import Final

from PIL import Image

from shared.pipeline.sizes import Size
from worker.imaging.operations.geometry import FILTER, Box

#: What puts an image upright, by EXIF orientation (EXIF 2.32, 4.6.4).
_TRANSPOSES: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = (5, 6, 7, 8)
_FLIPPED_HORIZONTALLY: Final = (2, 3, 7, 8)
#: Orientations whose stored columns, or rows, run against those of the upright image.
_FLIPPED_VERTICALLY: Final = (3, 4, 6, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """One resize in numbers: this part of the image, at this size."""

    size: Size
    box: Box
    #: Pillow's: averages whole pixels first, down to this many times the size (None: never).
    reducing_gap: float | None = None

    @property
    def shrink_factors(self) -> tuple[float, float]:
        """Return by how much width and height become smaller."""
        left, upper, right, lower = self.box
        return (right - left) / self.size[0], (lower - upper) / self.size[1]

    def to_stored_orientation(self, stored: Size, orientation: int) -> "Scaling":
        """Return the same for the image before it is put upright; ``stored`` is its size then."""
        left, upper, right, lower = self.box
        size = self.size
        if orientation in _SIDEWAYS:
            left, upper, right, lower = upper, left, lower, right
            size = size[1], size[0]
        if orientation in _FLIPPED_HORIZONTALLY:
            left, right = stored[0] - right, stored[0] - left
        if orientation in _FLIPPED_VERTICALLY:
            upper, lower = stored[1] - lower, stored[1] - upper
        return replace(self, size=size, box=(left, upper, right, lower))


def scale(image: Image.Image, scaling: Scaling, shrunk: int = 1) -> Image.Image:
    """Run a scaling on an image that was decoded at ``1/shrunk`` of its size."""
    left, upper, right, lower = (edge / shrunk for edge in scaling.box)
    return image.resize(scaling.size, FILTER, box=(left, upper, right, lower), reducing_gap=scaling.reducing_gap)


def apply_orientation(image: Image.Image, orientation: int) -> Image.Image:
    """Turn or mirror an image as its EXIF orientation says."""
    return image.transpose(_TRANSPOSES[orientation]) if orientation in _TRANSPOSES else image
