"""Durations and number of plays of an animation, converted to what each output format can store.

===========  =====================================  ==========================
Format       Duration of a frame                    Plays
===========  =====================================  ==========================
GIF          2 to 65,535 hundredths of a second     1 to 65,536, or forever
PNG (APNG)   a fraction of two numbers to 65,535    1 to 2³¹ - 1, or forever
WebP         1 to 2²⁴ - 1 ms, 2³¹ - 1 ms in total   1 to 65,535, or forever
AVIF         milliseconds                           always forever
===========  =====================================  ==========================

Larger numbers become the largest possible number. A GIF frame of 1/100 s would be played for 1/10 s by browsers.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from PIL import Image, ImageChops

from shared.pipeline.output import OutputFormat

_MAX_UINT16: Final = 2**16 - 1
#: Milliseconds.
LONGEST_GIF_FRAME: Final = 10.0 * _MAX_UINT16
_MIN_GIF_HUNDREDTHS: Final = 2
_MAX_WEBP_MILLISECONDS: Final = 2**24 - 1
_MAX_INT32: Final = 2**31 - 1
#: Largest number of plays by format; 0 means that the format does not store it.
_MAX_PLAYS: Final = {
    OutputFormat.GIF: _MAX_UINT16 + 1,
    OutputFormat.PNG: _MAX_INT32,
    OutputFormat.WEBP: _MAX_UINT16,
}


def fit_plays(plays: int, output_format: OutputFormat) -> int:
    """Return the number of plays, or the largest one that the format can store. 0 means forever."""
    return min(plays, _MAX_PLAYS.get(output_format, plays))


def fit_durations(durations: Sequence[float], output_format: OutputFormat) -> list[float]:
    """Return the durations in milliseconds, each as close as possible to the given one in the format."""
    if output_format is OutputFormat.GIF:
        return [10.0 * _clamp(int(each / 10 + 0.5), _MIN_GIF_HUNDREDTHS, _MAX_UINT16) for each in durations]
    if output_format is OutputFormat.PNG:
        return [1000 * float(_fit_fraction(each)) for each in durations]
    if output_format is OutputFormat.WEBP:
        most = min(_MAX_WEBP_MILLISECONDS, _MAX_INT32 // max(1, len(durations)))
        return [min(max(each, 1.0), most) for each in durations]
    return [float(round(each)) for each in durations]


def merge_equal_frames(
    images: Sequence[Image.Image], durations: Sequence[float], longest: float
) -> tuple[tuple[Image.Image, ...], tuple[float, ...]]:
    """Merge each frame that looks like the frame before it, and add their durations up to ``longest``.

    Pillow's encoder for GIF also merges such frames, but fails if the sum is too large.
    """
    merged, sums = [images[0]], [durations[0]]
    for image, duration in zip(images[1:], durations[1:], strict=True):
        if _looks_equal(merged[-1], image):
            sums[-1] = min(sums[-1] + duration, longest)
        else:
            merged.append(image)
            sums.append(duration)
    return tuple(merged), tuple(sums)


def _looks_equal(first: Image.Image, second: Image.Image) -> bool:
    difference = ImageChops.subtract_modulo(first.convert("RGBA"), second.convert("RGBA"))
    return difference.getbbox(alpha_only=False) is None


def _fit_fraction(milliseconds: float) -> Fraction:
    """Return the closest number of seconds whose numerator and denominator fit into 16 bits."""
    seconds = min(milliseconds / 1000, _MAX_UINT16)
    # The numerator is about the denominator times the seconds.
    most = _MAX_UINT16 if seconds < 1 else max(1, int(_MAX_UINT16 / seconds))
    return Fraction(seconds).limit_denominator(most)


def _clamp(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))
