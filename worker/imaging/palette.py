"""True colours to the 256 that a GIF holds."""

from typing import Final

from PIL import Image

from worker.imaging.operations.canvas import lay_on

COLORS: Final = 256
CLEAR: Final = 255
"""Entry of the palette that is transparent, in pictures that need one."""
_HALF: Final = 128


def to_palette(image: Image.Image, background: str) -> Image.Image:
    """Reduce a picture to a palette: exactly if it has few colours, else the best ones, dithered.

    GIF knows no half transparency: what is at least half opaque lies on ``background``, the rest is clear.
    """
    if image.mode == "L":
        return image
    if image.mode == "RGB":
        return _reduced(image, COLORS)
    clear = image.getchannel("A").point([255 if value < _HALF else 0 for value in range(256)])
    reduced = _reduced(lay_on(image, background).convert("RGB"), CLEAR)
    colors = reduced.getpalette() or []
    reduced.putpalette(colors + [0] * (3 * COLORS - len(colors)))
    reduced.paste(CLEAR, mask=clear)
    reduced.info["transparency"] = CLEAR
    return reduced


def _reduced(image: Image.Image, most: int) -> Image.Image:
    best = image.quantize(most, Image.Quantize.MEDIANCUT)
    if image.getcolors(most) is not None:
        return best  # a cut per colour, so exact; a look-up in a given palette would not be
    return image.quantize(palette=best, dither=Image.Dither.FLOYDSTEINBERG)
