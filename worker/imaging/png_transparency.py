"""The color of a PNG that is transparent (its tRNS chunk), where Pillow does not know it from the others.

Pillow keeps the number as it stands in the file, but changes the pixels of 2, 4 and 16 bits while it reads them.
"""

from collections.abc import Callable, Mapping
from typing import Final

from PIL import Image

#: By Pillow's name for the pixels as they are in the file: what it makes of a number.
_SCALES: Final[Mapping[object, Callable[[int], int]]] = {
    "L;2": lambda value: value * 85,
    "L;4": lambda value: value * 17,
    # The low byte of the pixels is gone, so that a few neighbours of the color become transparent too.
    "RGB;16B": lambda value: value >> 8,
}


def scale_transparent_color(image: Image.Image) -> None:
    """Bring the transparent color of an opened file to the numbers that its pixels will have."""
    key = image.info.get("transparency")
    pieces = getattr(image, "tile", None)
    scale = _SCALES.get(pieces[0].args) if pieces and isinstance(pieces[0].args, str) else None
    if scale is None:
        return
    if isinstance(key, int):
        image.info["transparency"] = scale(key)
    elif isinstance(key, tuple):
        image.info["transparency"] = tuple(scale(value) for value in key)


def apply_transparent_value(gray: Image.Image, original: Image.Image) -> Image.Image:
    """Return an image of 16 bits that was made gray, with alpha where the original has the transparent number."""
    key = original.info.get("transparency")
    if not isinstance(key, int):
        return gray
    alpha = original.convert("I").point([0 if value == key else 255 for value in range(65_536)], "L")
    return Image.merge("LA", (gray, alpha))
