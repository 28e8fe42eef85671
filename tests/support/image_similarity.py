"""How alike two images are."""

from math import inf, log10

from PIL import Image, ImageChops, ImageStat


def compute_psnr(one: Image.Image, other: Image.Image) -> float:
    """Return the peak signal-to-noise ratio of two images of one size and mode, decibels; inf when identical."""
    assert (one.mode, one.size) == (other.mode, other.size)
    squares = ImageStat.Stat(ImageChops.difference(one, other)).sum2
    mean = sum(squares) / (len(squares) * one.width * one.height)
    return 10 * log10(255**2 / mean) if mean else inf
