"""Operations that change the size."""

from PIL import Image

from shared.pipeline import Fit, Resize
from shared.sizes import size_after

FILTER = Image.Resampling.LANCZOS


def resize(image: Image.Image, params: Resize) -> Image.Image:
    """Change the size. Pillow multiplies by alpha first, so transparent edges get no fringe."""
    size = size_after(image.size, params)
    if params.fit is Fit.COVER:
        return image.resize(size, FILTER, box=_centred_box(image.size, size))
    return image if size == image.size else image.resize(size, FILTER)


def _centred_box(size: tuple[int, int], target: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the part of the source that fills the target: left, upper, right, lower."""
    width, height = size
    scale = max(target[0] / width, target[1] / height)
    cut_width, cut_height = min(width, target[0] / scale), min(height, target[1] / scale)
    left, upper = (width - cut_width) / 2, (height - cut_height) / 2
    return left, upper, left + cut_width, upper + cut_height
