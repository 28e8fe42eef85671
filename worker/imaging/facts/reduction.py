"""Reduction of a decoded image to the few pixels from which facts are computed."""

from math import ceil
from typing import Any, Final

from PIL import Image

#: Longest side in pixels of an image that is not reduced. It is the largest one that a ThumbHash allows.
MAX_SIDE: Final = 100
#: Longest side in pixels to which a larger image is reduced.
_REDUCED_SIDE: Final = 64
#: Longest side in pixels of an image of which every pixel counts.
_MAX_WHOLE_SIDE: Final = 1024
#: Distance, in pixels, of the rows and columns of a larger image that count. It is the square of the golden ratio, so
#: no pattern in the image, such as the dots of a print, has the same rhythm.
_STEP: Final = 2.618
#: Numbers of the components of a JPEG that is stored as RGB, if no segment describes its colors: "R", "G" and "B".
_RGB_COMPONENTS: Final = (82, 71, 66)


def reduce_for_facts(image: Image.Image) -> Image.Image:
    """Return an image that is small enough for all facts, by averaging blocks of pixels.

    Of a large image, about every seventh pixel counts, which takes a fifth of the time.
    """
    if max(image.size) <= MAX_SIDE:
        return image
    if max(image.size) > _MAX_WHOLE_SIDE:
        size = tuple(ceil(side / _STEP) for side in image.size)
        image = image.resize(size, Image.Resampling.NEAREST)
    return reduce_to(image, _REDUCED_SIDE)


def reduce_to(image: Image.Image, side: int) -> Image.Image:
    """Return an image whose sides have at most ``side`` pixels, by averaging blocks of whole pixels."""
    factor = ceil(max(image.size) / side)
    return image.reduce((min(factor, image.width), min(factor, image.height))) if factor > 1 else image


def is_ycc(image: Image.Image) -> bool:
    """Return True if a JPEG with three components is stored as luma and two color differences (libjpeg, jdapimin.c)."""
    layers: Any = getattr(image, "layer", ())
    if "jfif" in image.info:
        return True
    if "adobe_transform" in image.info:
        return bool(image.info["adobe_transform"] == 1)
    return tuple(layer[0] for layer in layers) != _RGB_COMPONENTS
