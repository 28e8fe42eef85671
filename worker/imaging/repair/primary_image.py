"""AVIF and HEIF files that libavif or libheif refuses because of damage outside of the pixels.

The libraries refuse a file if its EXIF, a gain map, a group of items, another image or the table of properties is not
as expected. The rebuilt file has only the items that make up the image: the primary item, its tiles and its alpha plane
(ISO/IEC 23008-12). Every tile becomes an item of its own, because libavif allows no item in two places. An identity
derivation (``iden``) becomes the image that it refers to, with the transformations of both.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.pipeline.heif_header import ItemTable, read_heif_header, read_item_table
from shared.pipeline.media_boxes import Box, find_box, read_version

#: Properties that the image needs, and whether a reader must understand them (ISO/IEC 23000-22, 7.3.9).
_PROPERTIES: Final = {
    **dict.fromkeys((b"ispe", b"pixi", b"colr", b"auxC", b"a1lx"), False),
    **dict.fromkeys((b"av1C", b"hvcC", b"irot", b"imir", b"clap", b"a1op", b"lsel"), True),
}
_TRANSFORMATIONS: Final = (b"irot", b"imir", b"clap")
_CODED: Final = (b"av01", b"hvc1")
_DERIVED: Final = (b"grid", b"iovl")
#: Longest chain of identity derivations.
_MAX_CHAIN: Final = 8
#: Ends of the types of alpha planes in AVIF and HEIC.
_ALPHA: Final = (b":alpha\0", b"auxid:1\0")
_BRANDS: Final = {True: b"avif\0\0\0\0avifmif1miaf", False: b"heic\0\0\0\0heicmif1miaf"}
#: Largest number of items in the rebuilt file.
_MAX_ITEMS: Final = 10_000
#: Number of bytes of the contents of all items, in multiples of the file. Items can share bytes.
_MAX_SHARES: Final = 4


@dataclass(slots=True)
class _Copy:
    """Items of the new file. Their numbers count from 1."""

    #: Source and type of each item.
    items: list[tuple[int, bytes]] = field(default_factory=list)
    #: Items whose transformations are applied after those of the first item.
    identities: list[int] = field(default_factory=list)
    #: Type, source and targets of each reference.
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)

    def add(self, meta: ItemTable, data: bytes, source: int) -> int:
        """Add an item with its tiles and its alpha plane. Return its new number. Raises ValueError for an odd item."""
        kind = meta.kinds.get(source, b"")
        if kind not in {*_CODED, *_DERIVED} or len(self.items) >= _MAX_ITEMS:
            raise ValueError("The item is no image.")
        self.items.append((source, kind))
        number = len(self.items)
        if kind in _DERIVED:
            sources = meta.references[b"dimg"].get(source, ())
            if any(meta.kinds.get(each) not in _CODED for each in sources):
                raise ValueError("A tile is no coded image.")
            self.references.append((b"dimg", number, tuple(self.add(meta, data, each) for each in sources)))
        alpha = next((item for item, masters in meta.references[b"auxl"].items() if source in masters), None)
        if alpha is not None and _is_alpha(meta, data, alpha) and not _is_alpha(meta, data, source):
            plane = self.add(meta, data, alpha)
            self.references.append((b"auxl", plane, (number,)))
            if alpha in meta.references[b"prem"].get(source, ()):
                self.references.append((b"prem", number, (plane,)))
        return number


def is_identity(data: bytes) -> bool:
    """Return True if the primary item is an identity derivation, of which libheif does not support chains."""
    header = read_heif_header(data)
    return header is not None and header.primary.kind == b"iden"


def rebuild_primary_image(data: bytes) -> bytes | None:
    """Return a file with only the primary image, or None if that is not possible."""
    try:
        meta = read_item_table(data)
        if meta is None or meta.primary is None:
            return None
        copy = _Copy()
        copy.add(meta, data, _find_source(meta, meta.primary, copy))
        if _has_lost_alpha(meta, data):
            return None
        contents = _read_contents(data, {source for source, _ in copy.items})
        return _write(data, meta, copy, contents)
    except (struct.error, ValueError, KeyError, IndexError, RecursionError):
        return None


def _find_source(meta: ItemTable, item: int, copy: _Copy) -> int:
    """Return the item that identity derivations refer to. Keep them in the order of their transformations."""
    for _ in range(_MAX_CHAIN):
        if meta.kinds.get(item) != b"iden":
            return item
        copy.identities.insert(0, item)
        (item,) = meta.references[b"dimg"].get(item, ())
    raise ValueError("The chain of derivations is too long.")


def _is_alpha(meta: ItemTable, data: bytes, item: int) -> bool:
    return any(
        box.kind == b"auxC" and any(kind in data[box.start : box.end] for kind in _ALPHA)
        for box in _iterate_properties(meta, item)
    )


def _has_lost_alpha(meta: ItemTable, data: bytes) -> bool:
    """Return True if an alpha plane belongs to no image of the file, so that the image would lose it."""
    return any(
        _is_alpha(meta, data, item) and not meta.kinds.keys() & set(meta.references[b"auxl"].get(item, ()))
        for item in meta.kinds
    )


def _iterate_properties(meta: ItemTable, item: int) -> Iterator[Box]:
    for index in meta.associations.get(item, []):
        if 1 <= index <= len(meta.properties):
            yield meta.properties[index - 1]


def _read_contents(data: bytes, wanted: set[int]) -> dict[int, bytes]:
    """Return the bytes of the wanted items (``iloc``, ISO/IEC 14496-12, 8.11.3)."""
    meta = find_box(data, b"meta", 0, len(data))
    box = find_box(data, b"iloc", meta.start + 4, meta.end) if meta else None
    if meta is None or box is None:
        raise ValueError("The file has no places of items.")
    idat = find_box(data, b"idat", meta.start + 4, meta.end)
    version, _ = read_version(data, box)
    reader = _Reader(data, box.start + 4)
    sizes = reader.read(1), reader.read(1)
    offset_bytes, length_bytes, base_bytes = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_bytes = sizes[1] & 15 if version else 0
    contents: dict[int, bytes] = {}
    total = 0
    for _ in range(reader.read(2 if version < 2 else 4)):
        item = reader.read(2 if version < 2 else 4)
        method = reader.read(2) & 15 if version else 0
        reader.read(2)
        base = reader.read(base_bytes)
        parts = []
        for _ in range(reader.read(2)):
            reader.read(index_bytes)
            start, length = base + reader.read(offset_bytes), reader.read(length_bytes)
            if item in wanted:
                parts.append(_read_extent(data, idat if method else None, method, start, length))
                total += len(parts[-1])
                if total > _MAX_SHARES * len(data):
                    raise ValueError("The items share too many bytes.")
        contents[item] = b"".join(parts)
    return contents


def _read_extent(data: bytes, idat: Box | None, method: int, start: int, length: int) -> bytes:
    """Return a part of an item: of the file (method 0) or of the box ``idat`` (method 1)."""
    if method > 1 or (method == 1 and idat is None):
        raise ValueError("The item is stored in an unknown way.")
    first, last = (idat.start, idat.end) if idat else (0, len(data))
    end = first + start + length if length else last
    if end > last:
        raise ValueError("The item ends after the file.")
    return data[first + start : end]


class _Reader:
    """Reads numbers of a changing size."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def read(self, size: int) -> int:
        """Return the next number. Raises IndexError at the end."""
        if self._at + size > len(self._data):
            raise IndexError
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at], "big")


def _write(data: bytes, meta: ItemTable, copy: _Copy, contents: dict[int, bytes]) -> bytes:
    properties, links = _write_properties(data, meta, copy)
    entries = [_make_full_box(b"infe", 2, struct.pack(">HH4sx", number, 0, kind)) for number, (_, kind) in _count(copy)]
    pointers = [
        _make_box(kind, struct.pack(f">HH{len(targets)}H", number, len(targets), *targets))
        for kind, number, targets in copy.references
    ]
    sources = list(dict.fromkeys(source for source, _ in copy.items))
    file_type = _make_box(b"ftyp", _BRANDS[any(kind == b"av01" for _, kind in copy.items)])

    def make_meta(first: int) -> bytes:
        places, at = {}, first
        for source in sources:
            places[source] = at
            at += len(contents[source])
        rows = [struct.pack(">HHHII", number, 0, 1, places[source], len(contents[source])) for number, (source, _) in
                _count(copy)]  # fmt: skip
        return _make_full_box(
            b"meta",
            0,
            _make_full_box(b"hdlr", 0, b"\0\0\0\0pict", bytes(13)),
            _make_full_box(b"pitm", 0, struct.pack(">H", 1)),
            _make_full_box(b"iloc", 0, struct.pack(">BBH", 0x44, 0, len(rows)), *rows),
            _make_full_box(b"iinf", 0, struct.pack(">H", len(entries)), *entries),
            *([_make_full_box(b"iref", 0, *pointers)] if pointers else []),
            _make_box(
                b"iprp",
                _make_box(b"ipco", *properties),
                _make_full_box(b"ipma", 0, struct.pack(">I", len(links)), *links, flags=1),
            ),
        )

    head = len(file_type) + len(make_meta(0)) + 8
    return b"".join((file_type, make_meta(head), _make_box(b"mdat", *(contents[source] for source in sources))))


def _count(copy: _Copy) -> Iterator[tuple[int, tuple[int, bytes]]]:
    return iter(enumerate(copy.items, 1))


def _write_properties(data: bytes, meta: ItemTable, copy: _Copy) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return the boxes of properties, and for each item its links to them."""
    boxes: dict[bytes, int] = {}
    links = []
    sizes = [box for box in _iterate_properties(meta, copy.items[0][0]) if box.kind == b"ispe"][:1]
    for number, (source, _) in _count(copy):
        own = [box for box in _iterate_properties(meta, source) if box.kind in _PROPERTIES]
        # An alpha plane without a size has that of the image.
        own = own if any(box.kind == b"ispe" for box in own) else [*sizes, *own]
        if number == 1:
            own += [box for item in copy.identities for box in _iterate_properties(meta, item)
                    if box.kind in _TRANSFORMATIONS]  # fmt: skip
        values = [
            boxes.setdefault(_make_box(box.kind, data[box.start : box.end]), len(boxes) + 1)
            | (0x8000 if _PROPERTIES[box.kind] else 0)
            for box in own
        ]
        links.append(struct.pack(f">HB{len(values)}H", number, len(values), *values))
    return list(boxes), links


def _make_box(kind: bytes, *content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, content)), kind) + b"".join(content)


def _make_full_box(kind: bytes, version: int, *content: bytes, flags: int = 0) -> bytes:
    return _make_box(kind, struct.pack(">I", version << 24 | flags), *content)
