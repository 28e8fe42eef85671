"""Computation of image sizes after each operation.

The worker uses it before it runs an operation, and the API for plans without an image.
"""

from collections.abc import Callable, Iterable, Mapping
from math import ceil, cos, radians, sin
from typing import Any, Final

from shared.errors import OutsideImage
from shared.pipeline.operations import Crop, Fit, Operation, Pad, Resize, Rotate, Trim
from shared.pipeline.operations.parameters import ANCHORS

#: Width and height, pixels.
Size = tuple[int, int]
#: Left, upper, right and lower edge, pixels. Right and lower are exclusive.
Box = tuple[int, int, int, int]


def compute_size_after(size: Size, operation: Operation) -> Size:
    """Return the size after an operation. The size after a trim depends on the content: return the largest possible.

    Raises OutsideImage if a crop starts outside an image of this size.
    """
    measure = _MEASURES.get(type(operation))
    return measure(size, operation) if measure else size


def compute_largest_size_after(largest: Size, operation: Operation) -> Size:
    """Return the largest size after an operation on an image of at most this width and height, of any proportions.

    Raises OutsideImage if a crop starts outside each such image.
    """
    width, height = largest
    if isinstance(operation, Resize) and operation.fit is Fit.INSIDE:
        if operation.enlarge:  # a side without a limit is longest if the other one had one pixel
            longest = (width * (operation.height or 1), height * (operation.width or 1))
            return operation.width or longest[0], operation.height or longest[1]
        return min(operation.width or width, width), min(operation.height or height, height)
    after = compute_size_after(largest, operation)
    if isinstance(operation, Crop) and operation.unit == "relative" and operation.x is not None:
        # Both edges are rounded, so a smaller image can keep one pixel more.
        return min(width, after[0] + 1), min(height, after[1] + 1)
    return after


def is_size_exact(operations: Iterable[Operation]) -> bool:
    """Return True if the size after these operations does not depend on the content, as it does after a trim."""
    return not any(isinstance(operation, Trim) for operation in operations)


def fit_size(size: Size, box: tuple[int | None, int | None], *, enlarge: bool) -> Size:
    """Return the largest size at which an image of the same proportions fits into a box.

    A side of the box that is None sets no limit. If ``enlarge`` is false, the image's own size is also a limit.
    """
    width, height = size
    scale = min(
        box[0] / width if box[0] else float("inf"),
        box[1] / height if box[1] else float("inf"),
    )
    scale = scale if enlarge else min(scale, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def compute_crop_box(size: Size, params: Crop) -> Box:
    """Return the box of a crop. For ``entropy``, return a box of the right size in the center.

    Raises OutsideImage if the crop starts outside the image.
    """
    unit = size if params.unit == "relative" else (1, 1)
    if params.x is None or params.y is None:
        cut = tuple(
            min(whole, max(1, round(length * per)))
            for whole, length, per in zip(size, (params.width, params.height), unit, strict=True)
        )
        return place_box(size, (cut[0], cut[1]), params.gravity)
    left, upper = round(params.x * unit[0]), round(params.y * unit[1])
    if params.unit == "relative":
        # A position inside the image can round to its far edge. It means the last column or row.
        left = min(left, size[0] - 1) if params.x < 1 else left
        upper = min(upper, size[1] - 1) if params.y < 1 else upper
    if left >= size[0] or upper >= size[1]:
        raise OutsideImage(
            f"The crop starts at {left}, {upper}; the image has {size[0]} × {size[1]} pixels at that step.",
        )
    right, lower = round((params.x + params.width) * unit[0]), round((params.y + params.height) * unit[1])
    return left, upper, min(size[0], max(right, left + 1)), min(size[1], max(lower, upper + 1))


def place_box(size: Size, inner: Size, gravity: str) -> Box:
    """Return a box of size ``inner`` aligned by gravity in an image. It may extend beyond the image."""
    across, down = ANCHORS.get(gravity, ANCHORS["center"])
    left, upper = round((size[0] - inner[0]) * across), round((size[1] - inner[1]) * down)
    return left, upper, left + inner[0], upper + inner[1]


def _resize(size: Size, params: Resize) -> Size:
    if params.fit is Fit.INSIDE:
        return fit_size(size, (params.width, params.height), enlarge=params.enlarge)
    box = (params.width or size[0], params.height or size[1])
    if params.enlarge or params.fit is Fit.CONTAIN:
        return box
    return min(box[0], size[0]), min(box[1], size[1])


def _crop(size: Size, params: Crop) -> Size:
    left, upper, right, lower = compute_crop_box(size, params)
    return right - left, lower - upper


def _rotate(size: Size, params: Rotate) -> Size:
    if not params.expand:
        return size
    width, height = size
    if params.angle % 90 == 0:
        return (height, width) if params.angle % 180 else size
    across, down = abs(cos(radians(params.angle))), abs(sin(radians(params.angle)))
    # Subtract a little, so that rounding errors of the sine do not add a pixel.
    return ceil(width * across + height * down - 1e-6), ceil(width * down + height * across - 1e-6)


def _pad(size: Size, params: Pad) -> Size:
    return size[0] + params.left + params.right, size[1] + params.top + params.bottom


#: Other operations keep the size or, depending on the content, reduce it.
_MEASURES: Final[Mapping[type[Any], Callable[[Size, Any], Size]]] = {
    Resize: _resize,
    Crop: _crop,
    Rotate: _rotate,
    Pad: _pad,
}
