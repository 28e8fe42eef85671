"""EXIF orientation, and a resize that is applied before it, to the image as it is stored in the file.

Scaling the image down and then rotating it takes less time than rotating it first.
"""

from dataclasses import dataclass, replace
from typing import Final

from PIL import Image

from shared.pipeline.sizes import Size
from worker.imaging.operations.kernels import Box, resample
from worker.imaging.stored_header import SIDEWAYS

#: The transpose that makes an image upright, by EXIF orientation (EXIF 2.32, 4.6.4).
_TRANSPOSES: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Orientations in which the columns of the file are in reverse order.
_FLIPPED_HORIZONTALLY: Final = (2, 3, 7, 8)
#: Orientations in which the rows of the file are in reverse order.
_FLIPPED_VERTICALLY: Final = (3, 4, 6, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """A resize with fixed coordinates: the part ``box`` of the image is scaled to ``size``."""

    size: Size
    box: Box
    #: Before the filter, a kernel may average blocks of whole pixels until the image has about this multiple of
    #: ``size``. None disables this step.
    reducing_gap: float | None = None

    @property
    def shrink_factors(self) -> tuple[float, float]:
        """Return the factors by which width and height shrink."""
        left, upper, right, lower = self.box
        return (right - left) / self.size[0], (lower - upper) / self.size[1]

    def to_stored_orientation(self, stored: Size, orientation: int) -> "Scaling":
        """Return the same scaling for the image as stored, whose size is ``stored``."""
        left, upper, right, lower = self.box
        size = self.size
        if orientation in SIDEWAYS:
            left, upper, right, lower = upper, left, lower, right
            size = size[1], size[0]
        if orientation in _FLIPPED_HORIZONTALLY:
            left, right = stored[0] - right, stored[0] - left
        if orientation in _FLIPPED_VERTICALLY:
            upper, lower = stored[1] - lower, stored[1] - upper
        return replace(self, size=size, box=(left, upper, right, lower))


def scale(image: Image.Image, scaling: Scaling, shrink: int = 1) -> Image.Image:
    """Scale an image that was decoded at ``1/shrink`` of its size. ``scaling`` refers to the full size."""
    left, upper, right, lower = (edge / shrink for edge in scaling.box)
    return resample(image, scaling.size, (left, upper, right, lower), scaling.reducing_gap)


def apply_orientation(image: Image.Image, orientation: int) -> Image.Image:
    """Rotate or mirror an image so that it is upright. ``orientation`` is its EXIF orientation."""
    return image.transpose(_TRANSPOSES[orientation]) if orientation in _TRANSPOSES else image
