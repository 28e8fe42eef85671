"""IPTC-IIM (version 4.2), which Photoshop image resources and TIFF files hold."""

import struct
from collections.abc import Collection, Mapping
from typing import Final

#: Marks a data set, and record 2, which describes the image.
_MARKER, _APPLICATION = 0x1C, 2
_HEADER: Final = struct.Struct(">BBBH")
#: A length from this value on says how many bytes hold the length.
_EXTENDED: Final = 0x8000
_MAX_SETS: Final = 2000

_RESOURCE: Final = b"8BIM"
_IPTC_RESOURCE: Final = 0x0404
_MAX_RESOURCES: Final = 1000


def find_iptc(resources: bytes) -> bytes | None:
    """Return the IPTC-IIM in Photoshop image resources, or None."""
    place = 0
    for _ in range(_MAX_RESOURCES):
        if resources[place : place + 4] != _RESOURCE or place + 7 > len(resources):
            return None
        (number,) = struct.unpack_from(">H", resources, place + 4)
        # The name has a length of one byte. It is padded to an even size, and so is the content.
        start = place + 6 + resources[place + 6] // 2 * 2 + 2
        if start + 4 > len(resources):
            return None
        (size,) = struct.unpack_from(">I", resources, start)
        if number == _IPTC_RESOURCE:
            return resources[start + 4 : start + 4 + size]
        place = start + 4 + size + size % 2
    return None


def read_iptc(block: bytes, wanted: Collection[int]) -> tuple[Mapping[int, tuple[bytes, ...]], bool]:
    """Return the values of wanted data sets of record 2, and whether the block is damaged. Empty values don't count."""
    found: dict[int, tuple[bytes, ...]] = {}
    place = 0
    for _ in range(_MAX_SETS):
        if place + _HEADER.size > len(block):
            return found, any(block[place:])
        marker, record, number, size = _HEADER.unpack_from(block, place)
        if marker != _MARKER:
            return found, any(block[place:])
        place += _HEADER.size
        if size >= _EXTENDED:
            width = size - _EXTENDED
            size = int.from_bytes(block[place : place + width], "big") if width <= 4 else len(block)
            place += width
        value = block[place : place + size]
        if len(value) < size:
            return found, True
        if record == _APPLICATION and number in wanted and value:
            found[number] = (*found.get(number, ()), value)
        place += size
    return found, True
