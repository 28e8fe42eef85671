"""Reduction to the 256 colors of a GIF."""

from math import ceil, sqrt
from typing import Final

from PIL import Image

from worker.imaging.operations.canvas import paste_on_background

COLORS: Final = 256
#: The transparent palette entry of images with alpha.
TRANSPARENT_ENTRY: Final = 255
#: Number of pixels from which the palette is computed. More pixels take longer and do not give a better palette
#: (benchmarks/imaging_settings.py).
SAMPLE_PIXELS: Final = 32_768
#: Lowest alpha value of a pixel that becomes opaque.
_MIN_OPAQUE_ALPHA: Final = 128


def reduce_to_palette(image: Image.Image, background: str) -> Image.Image:
    """Reduce an image to a palette of at most 256 colors. If the image has more colors, dither it.

    GIF has no partial transparency. Pixels that are at least half opaque are flattened onto ``background``; the
    others become transparent.
    """
    if image.mode == "L":
        return image
    if image.mode == "RGB":
        return _quantize(image, COLORS)
    transparent = image.getchannel("A").point([255 if value < _MIN_OPAQUE_ALPHA else 0 for value in range(256)])
    reduced = _quantize(paste_on_background(image, background).convert("RGB"), TRANSPARENT_ENTRY)
    colors = reduced.getpalette() or []
    reduced.putpalette(colors + [0] * (3 * COLORS - len(colors)))
    reduced.paste(TRANSPARENT_ENTRY, mask=transparent)
    reduced.info["transparency"] = TRANSPARENT_ENTRY
    return reduced


def _quantize(image: Image.Image, max_colors: int) -> Image.Image:
    if image.getcolors(max_colors) is not None:
        return image.quantize(max_colors, Image.Quantize.MEDIANCUT)  # Lossless, because median cut finds every color.
    best = sample_pixels(image).quantize(max_colors, Image.Quantize.MEDIANCUT)
    return image.quantize(palette=best, dither=Image.Dither.FLOYDSTEINBERG)


def sample_pixels(image: Image.Image, pixels: int = SAMPLE_PIXELS) -> Image.Image:
    """Return an image of about ``pixels`` pixels, which are sampled evenly from the whole image."""
    step = sqrt(image.width * image.height / pixels)
    if step <= 1:
        return image
    return image.resize((ceil(image.width / step), ceil(image.height / step)), Image.Resampling.NEAREST)
