"""Conversion of colors with 16 bits per channel to 8-bit sRGB, without reducing them to 8 bits first.

Linear values would lose their dark shades otherwise. Pillow has no mode for 16-bit colors, so an image consists of two:
one has the high bytes, the other the low bytes. LittleCMS, which Pillow contains, is called through its C interface.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from sys import byteorder
from typing import Any, Final

from PIL import Image, _imagingcms

#: ``cmsSigGrayData`` and the other signatures of color spaces, with the number of channels.
_CHANNELS: Final = {0x47524159: 1, 0x52474220: 3, 0x434D594B: 4}
#: ``PT_GRAY``, ``PT_RGB`` and ``PT_CMYK``, by number of channels.
_COLOR_TYPES: Final = {1: 3, 3: 4, 4: 6}
_RGB_8: Final = 4 << 16 | 3 << 3 | 1
_PERCEPTUAL: Final = 0
#: Without this flag, LittleCMS interpolates in a table, which is off by up to 7 of 255 between its nodes.
_NO_OPTIMIZATION: Final = 0x0100
#: Bytes of 16-bit values that are converted at once, which limits the memory.
_BAND_BYTES: Final = 1024 * 1024
_POINTER, _UINT = ctypes.c_void_p, ctypes.c_uint32
_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "cmsOpenProfileFromMem": (_POINTER, (ctypes.c_char_p, _UINT)),
    "cmsCloseProfile": (ctypes.c_int, (_POINTER,)),
    "cmsCreate_sRGBProfile": (_POINTER, ()),
    "cmsGetColorSpace": (_UINT, (_POINTER,)),
    "cmsCreateTransform": (_POINTER, (_POINTER, _UINT, _POINTER, _UINT, _UINT, _UINT)),
    "cmsDeleteTransform": (None, (_POINTER,)),
    "cmsDoTransform": (None, (_POINTER, ctypes.c_char_p, ctypes.c_char_p, _UINT)),
}


@dataclass(frozen=True, slots=True)
class DeepPixels:
    """An image with 16 bits per channel, as two images of the same size: the high and the low bytes.

    ``high`` has mode L, RGB, RGBA or CMYK. ``low`` has the same channels, but its alpha does not count.
    """

    high: Image.Image
    low: Image.Image


@cache
def load_lcms() -> dict[str, Callable[..., Any]] | None:
    """Return the functions of LittleCMS, or None if this Pillow does not say where it is.

    Call this before the process is confined, because it opens a file.
    """
    functions = {}
    try:
        library = ctypes.CDLL(_imagingcms.__file__)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            functions[name] = function
    except (OSError, AttributeError):
        return None
    return functions


def split_gray(image: Image.Image) -> DeepPixels:
    """Return the bytes of a 16-bit gray image (mode I;16)."""
    values = image.convert("I")
    high, low = (values.point([value >> shift & 255 for value in range(65_536)], "L") for shift in (8, 0))
    return DeepPixels(high, low)


def convert_deep(pixels: DeepPixels, profile: bytes) -> Image.Image:
    """Convert an image to sRGB, mode RGB.

    Raises ValueError if the profile is damaged or is made for other channels, and LookupError without LittleCMS.
    """
    functions = load_lcms()
    if functions is None:
        raise LookupError("There is no LittleCMS.")
    result = Image.new("RGB", pixels.high.size)
    with _open_transform(functions, profile) as (transform, channels):
        for top, height, band in _iterate_bands(pixels, channels):
            width = result.width
            target = bytearray(3 * width * height)
            place = (ctypes.c_char * len(target)).from_buffer(target)
            functions["cmsDoTransform"](transform, band, place, width * height)
            del place  # so that the target can be read
            result.paste(Image.frombytes("RGB", (width, height), target), (0, top))
    return result


@contextmanager
def _open_transform(functions: dict[str, Callable[..., Any]], profile: bytes) -> Iterator[tuple[int, int]]:
    """Yield a transform to sRGB and its number of channels."""
    source = functions["cmsOpenProfileFromMem"](profile, len(profile))
    if not source:
        raise ValueError("The profile is damaged.")
    target = functions["cmsCreate_sRGBProfile"]()
    try:
        channels = _CHANNELS.get(functions["cmsGetColorSpace"](source), 0)
        if not channels:
            raise ValueError("The profile is for other colors.")
        layout = _COLOR_TYPES[channels] << 16 | channels << 3 | 2
        transform = functions["cmsCreateTransform"](source, layout, target, _RGB_8, _PERCEPTUAL, _NO_OPTIMIZATION)
        if not transform:
            raise ValueError("The profile can't be used.")
        try:
            yield transform, channels
        finally:
            functions["cmsDeleteTransform"](transform)
    finally:
        functions["cmsCloseProfile"](target)
        functions["cmsCloseProfile"](source)


def _iterate_bands(pixels: DeepPixels, channels: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the first row, the number of rows and the 16-bit values of some rows at a time."""
    width, height = pixels.high.size
    rows = max(1, _BAND_BYTES // (2 * channels * width))
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        high, low = (_select_channels(each.crop(box), channels) for each in (pixels.high, pixels.low))
        values = bytearray(2 * len(high))
        first, second = (low, high) if byteorder == "little" else (high, low)
        values[0::2], values[1::2] = first, second
        yield top, box[3] - top, bytes(values)


def _select_channels(band: Image.Image, channels: int) -> bytes:
    """Return the values of a band with the channels that the profile needs. Gray can become RGB."""
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[channels]
    colors = band.convert("RGB") if band.mode == "RGBA" else band
    if colors.mode == "L" and mode == "RGB":
        colors = Image.merge("RGB", (colors,) * 3)
    if colors.mode != mode:
        raise ValueError("The profile is for other colors.")
    return colors.tobytes()
