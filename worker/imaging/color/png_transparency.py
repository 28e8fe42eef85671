"""The transparent color (tRNS chunk) of a PNG with 2, 4 or 16 bits per channel.

Pillow scales the pixels of such a PNG to another bit depth when it decodes them, but not the transparent color.
"""

from collections.abc import Callable, Mapping
from typing import Final

from PIL import Image

#: How Pillow scales a value, by Pillow's name for the pixel format in the file.
_SCALES: Final[Mapping[object, Callable[[int], int]]] = {
    "L;2": lambda value: value * 85,
    "L;4": lambda value: value * 17,
    # Pillow drops the low byte, so a few similar colors become transparent too.
    "RGB;16B": lambda value: value >> 8,
}


def scale_transparent_color(image: Image.Image) -> None:
    """Scale the transparent color of an opened file in the same way as Pillow will scale the pixels."""
    transparent = image.info.get("transparency")
    tiles = getattr(image, "tile", None)
    scale = _SCALES.get(tiles[0].args) if tiles and isinstance(tiles[0].args, str) else None
    if scale is None:
        return
    if isinstance(transparent, int):
        image.info["transparency"] = scale(transparent)
    elif isinstance(transparent, tuple):
        image.info["transparency"] = tuple(scale(value) for value in transparent)


def apply_transparent_value(gray: Image.Image, original: Image.Image) -> Image.Image:
    """Return the 8-bit gray image with alpha 0 for each pixel that has the transparent value in the 16-bit original."""
    transparent = original.info.get("transparency")
    if not isinstance(transparent, int):
        return gray
    alpha = original.convert("I").point([0 if value == transparent else 255 for value in range(65_536)], "L")
    return Image.merge("LA", (gray, alpha))
