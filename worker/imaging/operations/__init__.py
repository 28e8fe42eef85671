"""Implementations of the operations. Each is a function that takes an image and parameters and returns an image.

``build_function_table`` maps the type of the parameters to the function. ``content_aware`` turns operations that
depend on the content of the image into a crop. A test checks that every operation has an implementation.
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
#: Operations without a function, because ``content_aware`` always turns them into a crop.
RESOLVED: Final = (Trim,)


def build_function_table(load_asset: LoadAsset) -> Mapping[type[Any], OperationFunction]:
    """Return the function of each operation, by the type of its parameters. ``load_asset`` loads watermark images."""
    return {**FUNCTIONS, Watermark: partial(watermark, load_asset=load_asset)}
