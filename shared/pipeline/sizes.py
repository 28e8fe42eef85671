"""Size arithmetic: what each operation makes of width and height, without touching a pixel.

The worker decides by it before it runs an operation, the API before there is an image at all.
"""

from collections.abc import Callable, Iterable, Mapping
from math import ceil, cos, radians, sin
from typing import Any, Final

from shared.errors import OutsideImage
from shared.pipeline.operations import Crop, Fit, Operation, Pad, Resize, Rotate, Trim
from shared.pipeline.operations.parameters import ANCHORS

#: Width and height, pixels.
Size = tuple[int, int]
#: Left, upper, right and lower edge, pixels; right and lower are the first outside.
Box = tuple[int, int, int, int]


def compute_size_after(size: Size, operation: Operation) -> Size:
    """Return the size that one operation leads to; of a trim, which depends on the content, the largest.

    Raises OutsideImage for a crop that misses an image of this size.
    """
    measure = _MEASURES.get(type(operation))
    return measure(size, operation) if measure else size


def is_size_exact(operations: Iterable[Operation]) -> bool:
    """Tell whether the size after these operations is certain, as it is not after a trim."""
    return not any(isinstance(operation, Trim) for operation in operations)


def fit_size(size: Size, box: tuple[int | None, int | None], *, enlarge: bool) -> Size:
    """Return the size at which the whole image fits into a box, proportions kept; a missing side is no limit."""
    width, height = size
    scale = min(
        box[0] / width if box[0] else float("inf"),
        box[1] / height if box[1] else float("inf"),
    )
    scale = scale if enlarge else min(scale, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def compute_crop_box(size: Size, params: Crop) -> Box:
    """Return the part of an image that a crop keeps; for ``entropy`` one of the right size, in the middle.

    Raises OutsideImage.
    """
    unit = size if params.unit == "relative" else (1, 1)
    if params.x is None or params.y is None:
        cut = tuple(
            min(whole, max(1, round(length * per)))
            for whole, length, per in zip(size, (params.width, params.height), unit, strict=True)
        )
        return place_box(size, (cut[0], cut[1]), params.gravity)
    left, upper = round(params.x * unit[0]), round(params.y * unit[1])
    if left >= size[0] or upper >= size[1]:
        raise OutsideImage(
            f"The crop begins at {left}, {upper}; the picture measures {size[0]} × {size[1]} pixels there.",
        )
    right, lower = round((params.x + params.width) * unit[0]), round((params.y + params.height) * unit[1])
    return left, upper, min(size[0], max(right, left + 1)), min(size[1], max(lower, upper + 1))


def place_box(size: Size, inner: Size, gravity: str) -> Box:
    """Return where a box of size ``inner`` stands at one of the nine places of an image; it may stand out."""
    across, down = ANCHORS.get(gravity, ANCHORS["center"])
    left, upper = round((size[0] - inner[0]) * across), round((size[1] - inner[1]) * down)
    return left, upper, left + inner[0], upper + inner[1]


def _resized(size: Size, params: Resize) -> Size:
    if params.fit is Fit.INSIDE:
        return fit_size(size, (params.width, params.height), enlarge=params.enlarge)
    box = (params.width or size[0], params.height or size[1])
    if params.enlarge or params.fit is Fit.CONTAIN:
        return box
    return min(box[0], size[0]), min(box[1], size[1])


def _cropped(size: Size, params: Crop) -> Size:
    left, upper, right, lower = compute_crop_box(size, params)
    return right - left, lower - upper


def _rotated(size: Size, params: Rotate) -> Size:
    if not params.expand:
        return size
    width, height = size
    if params.angle % 90 == 0:
        return (height, width) if params.angle % 180 else size
    across, down = abs(cos(radians(params.angle))), abs(sin(radians(params.angle)))
    # A hair less, so that rounding errors of the sine do not add a pixel.
    return ceil(width * across + height * down - 1e-6), ceil(width * down + height * across - 1e-6)


def _padded(size: Size, params: Pad) -> Size:
    return size[0] + params.left + params.right, size[1] + params.top + params.bottom


#: Operations that are not here keep the size, or make it smaller by what they find in the image.
_MEASURES: Final[Mapping[type[Any], Callable[[Size, Any], Size]]] = {
    Resize: _resized,
    Crop: _cropped,
    Rotate: _rotated,
    Pad: _padded,
}
