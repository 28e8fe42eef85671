"""Reduction of flat graphics to the smallest PNG color type that keeps every pixel: gray or a palette.

Screenshots, logos and icons often have at most 256 colors. As a palette, they need 1 to 8 bits per pixel instead of up
to 32, which makes the PNG about half as large (docs/benchmarks.md, ``benchmarks/encoder_settings.py``). Photographs
have more colors; a sample of their pixels shows this within a fraction of a millisecond.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from PIL import Image, ImageMath

from worker.imaging.palette import COLORS, sample_pixels

#: Red, green, blue and alpha, 0 to 255.
Color = tuple[int, int, int, int]
_OPAQUE: Final = 255
#: Images up to this size are converted in Python, because the table for Pillow alone takes 3 ms.
_SMALL_PIXELS: Final = 65_536
#: Pixels that are converted together. It limits the memory for copies.
_STRIP_PIXELS: Final = 1_048_576
#: Pillow's lookup in a table takes 16-bit numbers, and remainders are negative or positive.
_MAX_DIVISOR: Final = 32_767
_TABLE_SIZE: Final = 65_536
_ZERO: Final = _TABLE_SIZE // 2


def reduce_colors(image: Image.Image) -> Image.Image | None:
    """Return an image with the same pixels in a smaller mode, L or P, or None if there is none.

    The image has 8 bits per channel. A palette contains the colors with the most pixels first. Gray images get none,
    because programs recognize a gray PNG by its color type.
    """
    if image.mode == "L" or sample_pixels(image).getcolors(COLORS) is None:
        return None
    counted: list[tuple[int, Any]] | None = image.getcolors(COLORS)
    if counted is None:
        return None
    # Sort by color after the number of pixels, so that the file depends on the pixels only.
    colors = [_expand(color) for _, color in sorted(counted, key=lambda each: (-each[0], each[1]))]
    if all(red == green == blue and alpha == _OPAQUE for red, green, blue, alpha in colors):
        return image.getchannel(0)
    return None if image.mode == "LA" else _build_palette_image(_index_colors(image, colors), colors)


def _expand(color: Sequence[int]) -> Color:
    """Return a color of any mode as red, green, blue and alpha."""
    match color:
        case (gray, alpha):
            return (gray, gray, gray, alpha)
        case (red, green, blue):
            return (red, green, blue, _OPAQUE)
        case (red, green, blue, alpha):
            return (red, green, blue, alpha)
    raise ValueError(color)


def _index_colors(image: Image.Image, colors: Sequence[Color]) -> Image.Image:
    """Return an image of mode L whose pixels are the positions of their colors in ``colors``."""
    values = [int.from_bytes(bytes(color), sys.byteorder, signed=True) for color in colors]
    convert = None if image.width * image.height <= _SMALL_PIXELS else _find_remainders(values)
    if convert is None:
        numbers = {value: number for number, value in enumerate(values)}

        def convert(strip: Image.Image) -> Image.Image:
            pixels = memoryview(strip.tobytes()).cast("i")
            return Image.frombytes("L", strip.size, bytes(map(numbers.__getitem__, pixels)))

    indexes = Image.new("L", image.size)
    rows = max(1, _STRIP_PIXELS // image.width)
    for upper in range(0, image.height, rows):
        strip = image.crop((0, upper, image.width, min(upper + rows, image.height)))
        indexes.paste(convert(_convert_to_rgba(strip)), (0, upper))
    return indexes


def _find_remainders(values: Sequence[int]) -> Callable[[Image.Image], Image.Image] | None:
    """Return a conversion of RGBA images to positions in ``values``, or None if there is none.

    A pixel is a signed 32-bit number. If all numbers have different remainders for some divisor, a table with the
    remainders gives the position. About every third divisor suffices for 256 numbers.
    """
    for divisor in range(_MAX_DIVISOR, COLORS, -2):
        # As in C, the remainder has the sign of the number.
        remainders = [value % divisor if value >= 0 else -(-value % divisor) for value in values]
        if len(set(remainders)) == len(values):
            break
    else:
        return None
    table = [0] * _TABLE_SIZE
    for number, remainder in enumerate(remainders):
        table[remainder + _ZERO] = number

    def convert(strip: Image.Image) -> Image.Image:
        pixels = Image.frombytes("I", strip.size, strip.tobytes())
        found: Image.Image = ImageMath.lambda_eval(lambda given: given["pixels"] % divisor + _ZERO, pixels=pixels)
        return found.point(table, "L")

    return convert


def _convert_to_rgba(image: Image.Image) -> Image.Image:
    if image.mode == "RGBA":
        return image
    # A declared transparent color must not become transparent, because the encoders ignore it.
    image.info.clear()
    return image.convert("RGBA")


def _build_palette_image(indexes: Image.Image, colors: Sequence[Color]) -> Image.Image:
    indexes.putpalette([channel for color in colors for channel in color[:3]])
    alphas = bytes(alpha for *_, alpha in colors)
    indexes.info = {"transparency": alphas} if min(alphas) < _OPAQUE else {}
    return indexes
