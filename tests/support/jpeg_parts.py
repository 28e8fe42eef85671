"""Parts of JPEG files: segments and EXIF."""

import struct
from collections.abc import Sequence

#: Tag, type, count and value of an entry of IFD0.
Entry = tuple[int, int, int, int]

ORIENTATION = 0x0112
SHORT, LONG = 3, 4


def make_segment(marker: int, content: bytes) -> bytes:
    """Return one segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def insert(data: bytes, *segments: bytes) -> bytes:
    """Return the JPEG with segments after SOI."""
    return data[:2] + b"".join(segments) + data[2:]


def make_exif(entries: Sequence[Entry], count: int | None = None) -> bytes:
    """Return the content of an APP1 segment. ``count`` is the number of entries that the directory claims to have."""
    directory = struct.pack("<H", len(entries) if count is None else count)
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory


def make_profile_segments(profile: bytes, part_bytes: int = 65_000) -> list[bytes]:
    """Return the ICC profile as APP2 segments."""
    parts = [profile[at : at + part_bytes] for at in range(0, len(profile), part_bytes)]
    return [
        make_segment(0xE2, b"ICC_PROFILE\0" + bytes((number, len(parts))) + part)
        for number, part in enumerate(parts, 1)
    ]
