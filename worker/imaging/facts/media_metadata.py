"""EXIF, XMP and C2PA in AVIF and HEIF files (ISO/IEC 23008-12, annex A; ISO/IEC 14496-12, 8.11.3)."""

import struct
from dataclasses import dataclass
from typing import Final

from shared.pipeline.media_boxes import Box, find_box, iterate_boxes, read_version

#: The ``uuid`` box with a C2PA manifest.
_C2PA: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP_TYPE: Final = b"application/rdf+xml\0"
_MAX_ITEMS: Final = 10_000
_TIFF_SIGNATURES: Final = (b"II*\0", b"MM\0*")


@dataclass(frozen=True, slots=True)
class MediaMetadata:
    """The metadata of a file."""

    exif: bytes | None = None
    xmp: bytes | None = None
    has_c2pa: bool = False


def read_media_metadata(data: bytes, max_bytes: int) -> MediaMetadata:
    """Return the metadata. Items that are damaged, larger than ``max_bytes`` or stored in ``idat`` are left out."""
    has_c2pa = any(
        box.kind == b"uuid" and data[box.start : box.start + 16] == _C2PA for box in iterate_boxes(data, 0, len(data))
    )
    try:
        exif, xmp = _read_items(data, max_bytes)
    except struct.error:  # a box is too short
        return MediaMetadata(has_c2pa=has_c2pa)
    return MediaMetadata(exif, xmp, has_c2pa)


def _read_items(data: bytes, max_bytes: int) -> tuple[bytes | None, bytes | None]:
    meta = find_box(data, b"meta", 0, len(data))
    if meta is None:
        return None, None
    items = find_box(data, b"iinf", meta.start + 4, meta.end)
    places = find_box(data, b"iloc", meta.start + 4, meta.end)
    if items is None or places is None:
        return None, None
    exif_item, xmp_item = _find_items(data, items)
    exif = _read_item(data, places, exif_item, max_bytes)
    if exif is not None and len(exif) >= 4 and exif[:4] not in _TIFF_SIGNATURES:
        # The offset of the TIFF structure precedes it. Some encoders leave it out.
        exif = exif[4 + int.from_bytes(exif[:4], "big") :]
    return exif, _read_item(data, places, xmp_item, max_bytes)


def _find_items(data: bytes, box: Box) -> tuple[int | None, int | None]:
    """Return the numbers of the first EXIF item and the first XMP item."""
    version, _ = read_version(data, box)
    exif: int | None = None
    xmp: int | None = None
    for entry in iterate_boxes(data, box.start + (8 if version else 6), box.end):
        kind_version, _ = read_version(data, entry)
        if entry.kind != b"infe" or kind_version < 2:
            continue
        layout = ">I2x4s" if kind_version > 2 else ">H2x4s"
        item, kind = struct.unpack_from(layout, data, entry.start + 4)
        if kind == b"Exif" and exif is None:
            exif = item
        elif kind == b"mime" and xmp is None and _XMP_TYPE in data[entry.start : min(entry.end, entry.start + 512)]:
            xmp = item
    return exif, xmp


def _read_item(data: bytes, box: Box, item: int | None, max_bytes: int) -> bytes | None:
    """Return the content of an item in the file, or None if there is none."""
    if item is None:
        return None
    version, _ = read_version(data, box)
    sizes, more = struct.unpack_from(">BB", data, box.start + 4)
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version else 0
    wide = version > 1
    place = box.start + 6
    (count,) = struct.unpack_from(">I" if wide else ">H", data, place)
    place += 4 if wide else 2
    for _ in range(min(count, _MAX_ITEMS)):
        (number,) = struct.unpack_from(">I" if wide else ">H", data, place)
        place += 4 if wide else 2
        method = 0
        if version:
            (method,) = struct.unpack_from(">H", data, place)
            place += 2
        place += 2
        base = _read_number(data, place, base_size)
        (extents,) = struct.unpack_from(">H", data, place + base_size)
        place += base_size + 2
        extent_size = index_size + offset_size + length_size
        if number == item:
            if extents != 1 or method & 15:
                return None
            start = base + _read_number(data, place + index_size, offset_size)
            size = _read_number(data, place + index_size + offset_size, length_size)
            return data[start : start + size] if 0 < size <= max_bytes else None
        place += extents * extent_size
    return None


def _read_number(data: bytes, place: int, size: int) -> int:
    """Return a number of ``size`` bytes. Raises struct.error if the file ends before it."""
    number = data[place : place + size]
    if len(number) < size:
        raise struct.error("the file ends within a number")
    return int.from_bytes(number, "big")
