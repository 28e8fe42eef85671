"""Metadata items of an AVIF file. libavif refuses the file if one of them is damaged."""

from typing import Final

from shared.pipeline.media_boxes import find_box, iterate_boxes, read_version

_METADATA_KINDS: Final = (b"Exif", b"mime")
#: An item type that readers ignore.
_HIDDEN_KIND: Final = b"skip"
#: Full boxes start with version and flags.
_VERSION_BYTES: Final = 4


def hide_metadata(data: bytes) -> bytes | None:
    """Return a copy of an AVIF file in which decoders don't find EXIF and XMP, or None if the file has neither.

    Raises struct.error if a box is too short.
    """
    meta = find_box(data, b"meta", 0, len(data))
    items = find_box(data, b"iinf", meta.start + _VERSION_BYTES, meta.end) if meta else None
    if items is None:
        return None
    version, _ = read_version(data, items)
    places = []
    for entry in iterate_boxes(data, items.start + _VERSION_BYTES + (4 if version else 2), items.end):
        entry_version, _ = read_version(data, entry)
        # An item number of 2 or 4 bytes and the number of its protection precede the type (ISO/IEC 14496-12, 8.11.6).
        place = entry.start + _VERSION_BYTES + (6 if entry_version > 2 else 4)
        if data[place : place + 4] in _METADATA_KINDS:
            places.append(place)
    if not places:
        return None
    copy = bytearray(data)
    for place in places:
        copy[place : place + 4] = _HIDDEN_KIND
    return bytes(copy)
