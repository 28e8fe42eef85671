"""Fields of bits: values of 1 to 32 bits that begin anywhere in a group of bytes, as images of 8 bits."""

from collections.abc import Sequence
from math import floor

from PIL import Image, ImageChops


def scale_to_bytes(bits: int) -> list[int]:
    """Return a table that scales values of ``bits`` bits, at most 8, to 0 to 255. Larger values become 255."""
    highest = (1 << bits) - 1
    return [floor(min(value, highest) * 255 / highest + 0.5) for value in range(256)]


def extract_field(bytes_of_pixel: Sequence[Image.Image], mask: int) -> Image.Image:
    """Return the field that ``mask`` selects, scaled to 8 bits. Its bits are contiguous.

    ``bytes_of_pixel`` are images of mode L, each with one byte of all pixels; the first has the lowest bits. Of a field
    with more than 8 bits, only the highest 8 are read.
    """
    high = mask.bit_length() - 1
    bits = min(mask.bit_count(), 8)
    low = high - bits + 1
    at, shift = divmod(low, 8)
    limit = (1 << bits) - 1
    field = bytes_of_pixel[at].point([value >> shift & limit for value in range(256)])
    if shift + bits > 8:
        rest = bytes_of_pixel[at + 1].point([value << 8 - shift & limit for value in range(256)])
        field = ImageChops.add(field, rest)
    return field if bits == 8 else field.point(scale_to_bytes(bits))
