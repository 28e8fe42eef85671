"""EXIF tags (CIPA DC-008, TIFF 6.0), read without following anything that is not needed.

Three directories are read once each: the main one, Exif and GPS. The number of entries and the size of values are
limited. An entry that is damaged counts as absent.
"""

import struct
from collections.abc import Collection, Mapping
from typing import Final

from shared.pipeline.exif_orientation import EXIF_PREFIX

#: The value of a tag: text or opaque bytes, integers, or pairs of the numerator and denominator of rationals.
Value = bytes | tuple[int, ...] | tuple[tuple[int, int], ...]
Tags = Mapping[int, Value]

#: Maximum number of entries of a directory to read.
_MAX_ENTRIES: Final = 1000
#: Maximum number of numbers of a value, and of bytes of text or opaque data.
_MAX_NUMBERS: Final = 16
MAX_BYTES: Final = 128 * 1024
_ENTRY: Final = 12
_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}
_BYTES: Final = (1, 2, 7)
_NUMBERS: Final = {3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
_RATIONALS: Final = {5: "I", 10: "i"}

EXIF_POINTER, GPS_POINTER = 0x8769, 0x8825


def read_main_tags(block: bytes, wanted: Collection[int]) -> tuple[Tags, bool]:
    """Return the wanted tags of the main directory of a TIFF structure, and whether the directory is damaged."""
    order, start = _find_order(block)
    if order is None:
        return {}, True
    return _read_directory(block, order, start, 4, wanted)


def read_linked_tags(block: bytes, main: Tags, pointer: int, wanted: Collection[int]) -> tuple[Tags, bool]:
    """Return the wanted tags of the directory to which a tag of the main directory points.

    The second value is True if that directory is damaged.
    """
    order, start = _find_order(block)
    place = main.get(pointer)
    if order is None or place is None:
        return {}, False
    if isinstance(place, bytes) or not isinstance(place[0], int):
        return {}, True
    return _read_directory(block, order, start, place[0], wanted, is_place=True)


def _find_order(block: bytes) -> tuple[str | None, int]:
    """Return the byte order of a TIFF structure, and where the structure starts."""
    start = len(EXIF_PREFIX) + 1 if block.startswith(EXIF_PREFIX) else 0
    return _ORDERS.get(block[start : start + 4]), start


def _read_directory(  # noqa: PLR0913, PLR0917 - a place in a block
    block: bytes, order: str, start: int, place: int, wanted: Collection[int], is_place: bool = False
) -> tuple[Tags, bool]:
    tags: dict[int, Value] = {}
    try:
        if not is_place:
            (place,) = struct.unpack_from(f"{order}I", block, start + place)
        (count,) = struct.unpack_from(f"{order}H", block, start + place)
        first = start + place + 2
        for entry in range(first, first + _ENTRY * min(count, _MAX_ENTRIES), _ENTRY):
            tag, kind, values = struct.unpack_from(f"{order}HHI", block, entry)
            if tag in wanted and tag not in tags:
                value = _read_value(block, order, start, entry + 8, kind, values)
                if value:
                    tags[tag] = value
    except struct.error:
        return tags, True
    return tags, False


def _read_value(  # noqa: PLR0913, PLR0917 - a place in a block
    block: bytes, order: str, start: int, field: int, kind: int, count: int
) -> Value | None:
    """Return a value, or None if its type is unknown. Raises struct.error if it is outside of the block."""
    if kind in _BYTES:
        size, code = 1, "s"
    elif kind in _NUMBERS:
        code = _NUMBERS[kind]
        size = struct.calcsize(f"{order}{code}")
    elif kind in _RATIONALS:
        code, size = _RATIONALS[kind], 8
    else:
        return None
    place = field
    if size * count > 4:
        place = start + struct.unpack_from(f"{order}I", block, field)[0]
    if code == "s":
        return bytes(block[place : place + min(count, MAX_BYTES)])
    count = min(count, _MAX_NUMBERS)
    if kind in _RATIONALS:
        numbers = struct.unpack_from(f"{order}{2 * count}{code}", block, place)
        return tuple(zip(numbers[::2], numbers[1::2], strict=True))
    return struct.unpack_from(f"{order}{count}{code}", block, place)
