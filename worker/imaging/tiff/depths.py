"""From samples of any depth and type to channels of 8 bits.

Integers are scaled from the whole range of their type: BitsPerSample and SampleFormat decide, never the values.
"""

import struct
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from math import lcm
from sys import byteorder
from typing import Final

from PIL import Image

from worker.imaging.tiff.flavor import SampleFormat

_BYTES: Final = range(256)
_NATIVE: Final = "<" if byteorder == "little" else ">"


def extract_keys(data: bytes, size: tuple[int, int], samples: int, sample: int, bits: int, order: str) -> Image.Image:  # noqa: PLR0913, PLR0917 - the layout
    """Return one sample of each pixel of unsigned or signed integers as a key for a table.

    A key has 8 bits (mode L) for samples of at most 8 bits, otherwise 16 bits (mode I;16). The sample's bits are the
    highest bits of the key. Lower bits of longer samples are dropped. Rows are padded to a whole byte.
    """
    if bits % 8:
        keys = _unpack_bits(data, size, samples, sample, bits)
    else:
        width = bits // 8
        step, first = samples * width, sample * width
        if bits == 8:
            return Image.frombytes("L", size, data[first::step])
        high, low = (width - 1, width - 2) if order == "<" else (0, 1)
        pairs = bytearray(2 * size[0] * size[1])
        pairs[0::2], pairs[1::2] = data[first + low :: step], data[first + high :: step]
        keys = bytes(pairs)
    return Image.frombytes("L" if bits < 8 else "I;16", size, keys)


def _unpack_bits(data: bytes, size: tuple[int, int], samples: int, sample: int, bits: int) -> bytes:
    """Return the keys of samples whose size is not a whole number of bytes. 16-bit keys are little endian.

    The positions of samples repeat after a group of bytes. All samples at the same place in their groups are
    extracted at once.
    """
    width, height = size
    key_bytes = 1 if bits < 8 else 2
    row_bits = width * samples * bits
    row_bytes = (row_bits + 7) // 8
    group_bytes = lcm(bits, 8) // 8
    pixels_per_group = lcm(group_bytes * 8 // bits, samples) // samples  # whole pixels
    group_bytes = pixels_per_group * samples * bits // 8
    keys = bytearray(width * height * key_bytes)
    rows = [(0, width * height, data)] if row_bytes % group_bytes == 0 and row_bits % 8 == 0 else [
        (y * width, width, data[y * row_bytes : (y + 1) * row_bytes]) for y in range(height)
    ]  # fmt: skip
    for first, count, row in rows:
        padded = row + bytes(group_bytes + 3)
        for place in range(min(pixels_per_group, count)):
            byte, shift = divmod((place * samples + sample) * bits, 8)
            length = -(-(count - place) // pixels_per_group)
            for part in range(key_bytes):
                field = _combine(padded, byte + part, group_bytes, length, shift)
                target = first * key_bytes + place * key_bytes + (key_bytes - 1 - part)
                keys[target : (first + count) * key_bytes : pixels_per_group * key_bytes] = field
    return bytes(keys)


def _combine(data: bytes, start: int, step: int, count: int, shift: int) -> bytes:
    """Return ``count`` bytes that begin ``shift`` bits after the bytes at ``start``, ``start + step`` and so on."""
    left = data[start::step][:count]
    if shift == 0:
        return left
    right = data[start + 1 :: step][:count]
    combined = int.from_bytes(left.translate(_shift_left(shift))) | int.from_bytes(
        right.translate(_shift_right(8 - shift))
    )
    return combined.to_bytes(count)


@cache
def _shift_left(shift: int) -> bytes:
    return bytes(value << shift & 255 for value in _BYTES)


@cache
def _shift_right(shift: int) -> bytes:
    return bytes(value >> shift for value in _BYTES)


@cache
def make_scale_table(bits: int, sample_format: int, *, inverted: bool) -> Sequence[int]:
    """Return the table from keys to 0 to 255 for integers. The lowest value of the type is 0 and the highest is 255."""
    used = min(bits, 16)
    highest = (1 << used) - 1
    sign = 1 << used - 1 if sample_format == SampleFormat.SIGNED else 0

    def scale(value: int) -> int:
        level = ((value ^ sign) * 510 + highest) // (2 * highest)
        return 255 - level if inverted else level

    return make_table(bits, scale)


@cache
def make_byte_tables(bits: int, sample_format: int, *, inverted: bool) -> list[Sequence[int]]:
    """Return the tables from keys to the high and the low byte of 0 to 65,535, for integers of more than 8 bits."""
    used = min(bits, 16)
    highest = (1 << used) - 1
    sign = 1 << used - 1 if sample_format == SampleFormat.SIGNED else 0

    def scale(value: int) -> int:
        level = ((value ^ sign) * 131_070 + highest) // (2 * highest)
        return 65_535 - level if inverted else level

    levels = [scale(value) for value in range(1 << used)]
    return [make_table(bits, lambda value, shift=shift: levels[value] >> shift & 255) for shift in (8, 0)]  # type: ignore[misc] # a default


def make_table(bits: int, convert: Callable[[int], int]) -> Sequence[int]:
    """Return a table for keys of samples with ``bits`` bits. ``convert`` gets the value, without dropped bits."""
    key_bits = 8 if bits <= 8 else 16
    repeat = 1 << key_bits - min(bits, key_bits)
    return [level for value in range(1 << min(bits, key_bits)) for level in (convert(value),) * repeat]


def apply_table(keys: Image.Image, table: Sequence[int]) -> Image.Image:
    """Return the channel of 8 bits."""
    return keys.point(table, "L") if keys.mode == "L" else keys.convert("I").point(table, "L")


def extract_floats(data: bytes, size: tuple[int, int], samples: int, sample: int, bits: int, order: str) -> Image.Image:  # noqa: PLR0913, PLR0917 - the layout
    """Return one sample of each pixel as an image of mode F. ``bits`` is 16, 32 or 64."""
    if bits == 16:
        values = array("f", struct.unpack(f"{order}{len(data) // 2}e", data)[sample::samples])
    else:
        stored = array("f" if bits == 32 else "d", data)[sample::samples]
        if order != _NATIVE:
            stored.byteswap()
        values = stored if bits == 32 else array("f", stored)
    return Image.frombytes("F", size, values.tobytes())
