"""Boxes of AVIF and HEIF files, for tests of the header."""

import struct
from collections.abc import Mapping, Sequence

#: Type, flags and content of an item reference: type, from, to.
Reference = tuple[bytes, int, tuple[int, ...]]


def make_box(kind: bytes, *content: bytes) -> bytes:
    """Return a box."""
    payload = b"".join(content)
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def make_full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with version and flags."""
    return make_box(kind, struct.pack(">I", version << 24 | flags), *content)


def make_size(width: int, height: int) -> bytes:
    """Return the property ``ispe``."""
    return make_full_box(b"ispe", struct.pack(">II", width, height))


def make_nclx(primaries: int, transfer: int, matrix: int, *, full: bool = True) -> bytes:
    """Return the property ``colr`` with CICP."""
    return make_box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full << 7))


def make_auxiliary(kind: str) -> bytes:
    """Return the property ``auxC``."""
    return make_full_box(b"auxC", kind.encode(), b"\0")


def make_heif(
    items: Mapping[int, bytes],
    properties: Sequence[bytes] = (),
    associations: Mapping[int, Sequence[int]] | None = None,
    references: Sequence[Reference] = (),
    *,
    primary: int = 1,
    hidden: Sequence[int] = (),
    brand: bytes = b"heic",
) -> bytes:
    """Return a file without pixels. ``items`` has the type of each item; ``associations`` has indexes from 1."""
    entries = [
        make_full_box(b"infe", struct.pack(">HH4s", item, 0, kind), b"\0", version=2, flags=item in hidden)
        for item, kind in items.items()
    ]
    links = [struct.pack(">HB", item, len(indexes)) + bytes(indexes) for item, indexes in (associations or {}).items()]
    pointers = [
        make_box(kind, struct.pack(f">HH{len(targets)}H", item, len(targets), *targets))
        for kind, item, targets in references
    ]
    meta = make_full_box(
        b"meta",
        make_full_box(b"hdlr", b"\0\0\0\0pict", bytes(13)),
        make_full_box(b"pitm", struct.pack(">H", primary)),
        make_full_box(b"iinf", struct.pack(">H", len(entries)), *entries),
        *([make_full_box(b"iref", *pointers)] if pointers else []),
        make_box(
            b"iprp",
            make_box(b"ipco", *properties),
            make_full_box(b"ipma", struct.pack(">I", len(links)), *links),
        ),
    )
    return make_box(b"ftyp", brand, bytes(4), b"mif1", brand) + meta
