"""Similarity of images."""

from math import inf, log10

from PIL import Image, ImageChops, ImageStat


def compute_psnr(one: Image.Image, other: Image.Image) -> float:
    """Return the PSNR in decibels of two images of the same size and mode; inf if they are identical."""
    assert (one.mode, one.size) == (other.mode, other.size)
    squares = ImageStat.Stat(ImageChops.difference(one, other)).sum2
    mean = sum(squares) / (len(squares) * one.width * one.height)
    return 10 * log10(255**2 / mean) if mean else inf
