"""Operations: each a function from image and parameters to image, in one file per family.

The table finds the function by the type of the parameters. An operation that has no function is a
mistake that a test finds before anybody else. What depends on the content is settled first, by ``looking``.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from PIL import Image

from shared.pipeline.operations import (
    Adjust,
    Background,
    Blur,
    Crop,
    Flip,
    Grayscale,
    Pad,
    Resize,
    Rotate,
    RoundCorners,
    Sharpen,
    Trim,
    Watermark,
)
from worker.imaging.operations.effects import blur, round_corners, sharpen
from worker.imaging.operations.geometry import crop, flip, pad, resize, rotate
from worker.imaging.operations.tone import adjust, background, grayscale
from worker.imaging.operations.watermark import LoadAsset, watermark

OperationFunction = Callable[[Image.Image, Any], Image.Image]

FUNCTIONS: Final[Mapping[type[Any], OperationFunction]] = {
    Resize: resize,
    Crop: crop,
    Rotate: rotate,
    Flip: flip,
    Pad: pad,
    Grayscale: grayscale,
    Adjust: adjust,
    Background: background,
    Blur: blur,
    Sharpen: sharpen,
    RoundCorners: round_corners,
}
#: Operations that never run as they are: a look at the image turns them into a crop.
RESOLVED: Final = (Trim,)


def build_function_table(load_asset: LoadAsset) -> Mapping[type[Any], OperationFunction]:
    """Return the function of each operation, those that need stored images with a way to them."""
    return {**FUNCTIONS, Watermark: partial(watermark, load_asset=load_asset)}
