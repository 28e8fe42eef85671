"""True colors to the 256 that a GIF holds."""

from math import ceil, sqrt
from typing import Final

from PIL import Image

from worker.imaging.operations.canvas import paste_on_background

COLORS: Final = 256
#: Entry of the palette that is transparent, in images that need one.
TRANSPARENT_ENTRY: Final = 255
#: Pixels that the best colors are looked for in. More take longer and find no better ones (benchmarks/imaging_settings.py).
SAMPLE_PIXELS: Final = 32_768
_HALF: Final = 128


def reduce_to_palette(image: Image.Image, background: str) -> Image.Image:
    """Reduce an image to a palette: exactly if it has few colors, else the best ones, dithered.

    GIF knows no half transparency: what is at least half opaque lies on ``background``, the rest is clear.
    """
    if image.mode == "L":
        return image
    if image.mode == "RGB":
        return _quantize(image, COLORS)
    clear = image.getchannel("A").point([255 if value < _HALF else 0 for value in range(256)])
    reduced = _quantize(paste_on_background(image, background).convert("RGB"), TRANSPARENT_ENTRY)
    colors = reduced.getpalette() or []
    reduced.putpalette(colors + [0] * (3 * COLORS - len(colors)))
    reduced.paste(TRANSPARENT_ENTRY, mask=clear)
    reduced.info["transparency"] = TRANSPARENT_ENTRY
    return reduced


def _quantize(image: Image.Image, most: int) -> Image.Image:
    if image.getcolors(most) is not None:
        return image.quantize(most, Image.Quantize.MEDIANCUT)  # a cut per color, so exact; a look-up would not be
    best = sample_pixels(image).quantize(most, Image.Quantize.MEDIANCUT)
    return image.quantize(palette=best, dither=Image.Dither.FLOYDSTEINBERG)


def sample_pixels(image: Image.Image, pixels: int = SAMPLE_PIXELS) -> Image.Image:
    """Return so many pixels, evenly over the image, to find its colors by."""
    by = sqrt(image.width * image.height / pixels)
    if by <= 1:
        return image
    return image.resize((ceil(image.width / by), ceil(image.height / by)), Image.Resampling.NEAREST)
