"""Operations that depend on the content of the image: trim, and crop by entropy.

Each becomes a crop with fixed coordinates. All frames of an animation are analyzed and get the same crop.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from PIL import Image, ImageChops, ImageFilter

from shared.pipeline.operations import Crop, Operation, Trim
from shared.pipeline.sizes import Box, compute_crop_box

#: Longest side of the reduced image that is searched for detail. Finer structure is mostly noise.
_ANALYSIS_PIXELS: Final = 256


def is_content_aware(operation: Operation) -> bool:
    """Return True if an operation depends on the content."""
    return isinstance(operation, Trim) or (isinstance(operation, Crop) and operation.gravity == "entropy")


def resolve_to_crop(frames: Sequence[Image.Image], operation: Operation) -> Operation:
    """Return the crop that a content-aware operation performs on these frames. Return other operations unchanged."""
    if isinstance(operation, Trim):
        return _crop_to(_find_content_box(frames, operation.tolerance))
    if isinstance(operation, Crop) and operation.gravity == "entropy":
        left, upper, right, lower = compute_crop_box(frames[0].size, operation)
        return _crop_to(_find_busiest_box(frames, (right - left, lower - upper)))
    return operation


def _crop_to(box: Box) -> Crop:
    left, upper, right, lower = box
    return Crop(x=left, y=upper, width=right - left, height=lower - upper)


def _find_content_box(frames: Sequence[Image.Image], tolerance: int) -> Box:
    """Return the smallest box that contains all pixels of every frame that differ from the frame's top left pixel.

    If no pixel differs, return the box of the whole image.
    """
    boxes = [box for box in (_find_difference_box(frame, tolerance) for frame in frames) if box]
    if not boxes:
        return 0, 0, *frames[0].size
    lefts, uppers, rights, lowers = zip(*boxes, strict=True)
    return min(lefts), min(uppers), max(rights), max(lowers)


def _find_difference_box(image: Image.Image, tolerance: int) -> Box | None:
    # Multiply colors by alpha, so that all transparent pixels are equal.
    premultiplied = image.convert({"LA": "La", "RGBA": "RGBa"}.get(image.mode, image.mode))
    marked = None
    for band in premultiplied.split():
        border = band.getpixel((0, 0))
        differs = band.point([255 if abs(value - border) > tolerance else 0 for value in range(256)])  # type: ignore[operator] # one band has one number
        marked = ImageChops.lighter(marked, differs) if marked else differs
    return marked.getbbox() if marked else None


def _find_busiest_box(frames: Sequence[Image.Image], size: tuple[int, int]) -> Box:
    """Return the box of a given size with the most edges. Choose the columns first, then the rows."""
    whole = frames[0].size
    edges = _detect_edges(frames)
    across, down = edges.width / whole[0], edges.height / whole[1]
    left = _find_busiest_span(_compute_profile(edges, (edges.width, 1)), size[0] * across)
    columns = edges.crop((round(left), 0, max(round(left) + 1, round(left + size[0] * across)), edges.height))
    upper = _find_busiest_span(_compute_profile(columns, (1, edges.height)), size[1] * down)
    x = min(round(left / across), whole[0] - size[0])
    y = min(round(upper / down), whole[1] - size[1])
    return x, y, x + size[0], y + size[1]


def _detect_edges(frames: Sequence[Image.Image]) -> Image.Image:
    """Return the edge strength of each pixel on a reduced image: the maximum over all frames."""
    strongest = None
    for frame in frames:
        small = frame.convert("LA").convert("La").getchannel(0) if frame.mode in {"LA", "RGBA"} else frame.convert("L")
        small.thumbnail((_ANALYSIS_PIXELS, _ANALYSIS_PIXELS), Image.Resampling.BOX)
        # Pillow's edge filter does not process the outermost pixels. Add a border of copied pixels and remove it later.
        framed = Image.new("L", (small.width + 2, small.height + 2))
        framed.paste(small.resize(framed.size, Image.Resampling.NEAREST))
        framed.paste(small, (1, 1))
        edges = framed.filter(ImageFilter.FIND_EDGES).crop((1, 1, small.width + 1, small.height + 1))
        strongest = ImageChops.lighter(strongest, edges) if strongest else edges
    return strongest or Image.new("L", (1, 1))


def _compute_profile(edges: Image.Image, size: tuple[int, int]) -> list[int]:
    """Return the mean of each column or row, times 256."""
    # Use floats, because the mean of a row is often below 1, which 8 bits would round to 0.
    means = edges.convert("F").resize(size, Image.Resampling.BOX).tobytes()
    return [int(mean * 256) for mean in array("f", means)]


def _find_busiest_span(profile: Sequence[int], length: float) -> float:
    """Return the start of the span with the largest sum. Among spans with equal sums, choose the most central."""
    span = min(len(profile), max(1, round(length)))
    sums = [0, *accumulate(profile)]
    middle = (len(profile) - span) / 2
    return max(
        range(len(profile) - span + 1),
        key=lambda start: (sums[start + span] - sums[start], -abs(start - middle)),
    )
