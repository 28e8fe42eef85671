"""The header of AVIF and HEIF files: items, their properties and references (ISO/IEC 23008-12 and 23000-22).

Only what decides about the image on display is read: the primary item, its tiles, its alpha plane and its colors.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.pipeline.media_boxes import Box, find_box, iterate_boxes, read_version

Size = tuple[int, int]

#: Maximum number of items, of properties of one item and of references of one item to read.
MAX_ITEMS: Final = 10_000
#: Types of ``auxC`` that mark an alpha plane (23000-22, 7.3.5; 23008-12, B.2.5.2).
_ALPHA_TYPES: Final = ("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:hevc:2015:auxid:1")
_GAIN_MAP_TYPE: Final = "urn:com:apple:photo:2020:aux:hdrgainmap"


@dataclass(frozen=True, slots=True)
class Nclx:
    """Coded color facts of an item. The code points are those of ITU-T H.273; 2 means "unspecified"."""

    primaries: int
    transfer: int
    matrix: int
    is_full_range: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaItem:
    """One item of a file: a coded image, a grid of images, or metadata."""

    id: int
    #: Four-character type: ``hvc1``, ``av01``, ``grid``, ``Exif`` and others.
    kind: bytes
    #: Width and height in pixels before rotation, from ``ispe``; None if the item has none.
    size: Size | None = None
    #: Quarter turns counterclockwise, sum of all rotations.
    quarter_turns: int = 0
    #: Bits of each channel, from ``pixi``.
    bits: tuple[int, ...] = ()
    nclx: Nclx | None = None
    #: Where the ICC profile starts and ends in the file.
    profile: tuple[int, int] | None = None
    #: Type of an auxiliary image, from ``auxC``.
    auxiliary: str = ""
    #: Width and height of the part that is shown, from ``clap``.
    crop: Size | None = None

    def compute_upright_size(self, *, with_crop: bool) -> Size | None:
        """Return width and height in pixels after rotation, or None if the item has no size."""
        size = self.crop if with_crop and self.crop else self.size
        if size is None or self.quarter_turns % 2 == 0:
            return size
        return size[1], size[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeifHeader:
    """The items of a file around its primary item."""

    #: The primary item, with the color facts and the bit depth of its first tile if it has none of its own.
    primary: MediaItem
    #: Items from which the primary item is derived: the tiles of a grid.
    tiles: tuple[MediaItem, ...] = ()
    alpha: MediaItem | None = None
    #: True if the colors are multiplied by alpha.
    is_premultiplied: bool = False
    has_gain_map: bool = False
    #: How many images a viewer lists. Tiles, thumbnails and auxiliary images do not count.
    images: int = 1


@dataclass(slots=True)
class ItemTable:
    """Content of a ``meta`` box."""

    #: Number of the primary item.
    primary: int | None = None
    #: Types of the items by number.
    kinds: dict[int, bytes] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    #: Referred items by type of reference and referring item.
    references: dict[bytes, dict[int, tuple[int, ...]]] = field(default_factory=lambda: defaultdict(dict))
    properties: list[Box] = field(default_factory=list)
    #: Values of the properties that have been read, by index from 1.
    values: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    #: Items that have been built, because a grid can name the same tile thousands of times.
    items: dict[int, MediaItem] = field(default_factory=dict)
    #: Indexes of properties, from 1, by item.
    associations: dict[int, list[int]] = field(default_factory=dict)


def read_heif_header(data: bytes) -> HeifHeader | None:
    """Return the header of an AVIF or HEIF file.

    Return None if it has no primary item or is damaged. ``data`` can be the start of a file if it contains the whole
    ``meta`` box.
    """
    try:
        meta = read_item_table(data)
        return _read_header(data, meta) if meta else None
    except struct.error:  # a box is too short
        return None


def read_item_table(data: bytes) -> ItemTable | None:
    """Return the items of a file, or None if it has no primary item. Raises struct.error if a box is too short."""
    box = find_box(data, b"meta", 0, len(data))
    if box is None:
        return None
    meta = ItemTable()
    readers = {b"pitm": _read_primary, b"iinf": _read_items, b"iref": _read_references, b"iprp": _read_properties}
    for child in iterate_boxes(data, box.start + 4, box.end):
        if child.kind in readers:
            readers[child.kind](data, child, meta)
    return meta if meta.primary in meta.kinds else None


def _read_header(data: bytes, meta: ItemTable) -> HeifHeader | None:
    if meta.primary is None:
        return None
    primary = _get_item(data, meta, meta.primary)
    # A grid whose reference lists a tile several times decodes it as often.
    tiles = tuple(_get_item(data, meta, each) for each in meta.references[b"dimg"].get(primary.id, ())[:MAX_ITEMS])
    auxiliary = [
        _get_item(data, meta, item) for item, masters in meta.references[b"auxl"].items() if primary.id in masters
    ]
    alpha = next((item for item in auxiliary if item.auxiliary in _ALPHA_TYPES), None)
    return HeifHeader(
        primary=_inherit(primary, tiles),
        tiles=tiles,
        alpha=alpha,
        is_premultiplied=alpha is not None and alpha.id in meta.references[b"prem"].get(primary.id, ()),
        has_gain_map=b"tmap" in meta.kinds.values() or any(item.auxiliary == _GAIN_MAP_TYPE for item in auxiliary),
        images=max(1, sum(1 for _ in _iterate_shown(meta))),
    )


def _inherit(item: MediaItem, tiles: tuple[MediaItem, ...]) -> MediaItem:
    """Return a derived item with the color facts and the bit depth of its first tile where it has none (MIAF 7.3.6)."""
    if not tiles:
        return item
    first = tiles[0]
    return MediaItem(
        id=item.id,
        kind=item.kind,
        size=item.size,
        quarter_turns=item.quarter_turns,
        bits=item.bits or first.bits,
        nclx=item.nclx or first.nclx,
        profile=item.profile or first.profile,
        auxiliary=item.auxiliary,
        crop=item.crop,
    )


def _iterate_shown(meta: ItemTable) -> Iterator[int]:
    """Yield the items that are images of their own."""
    parts = {each for targets in meta.references[b"dimg"].values() for each in targets}
    parts |= meta.references[b"thmb"].keys() | meta.references[b"auxl"].keys() | meta.hidden
    sized = {item for item, links in meta.associations.items() if any(_is_kind(meta, link, b"ispe") for link in links)}
    yield from sized - parts


def _is_kind(meta: ItemTable, index: int, kind: bytes) -> bool:
    return 1 <= index <= len(meta.properties) and meta.properties[index - 1].kind == kind


def _read_primary(data: bytes, box: Box, meta: ItemTable) -> None:
    version, _ = read_version(data, box)
    (meta.primary,) = struct.unpack_from(">I" if version else ">H", data, box.start + 4)


def _read_items(data: bytes, box: Box, meta: ItemTable) -> None:
    version, _ = read_version(data, box)
    for _, entry in zip(
        range(MAX_ITEMS), iterate_boxes(data, box.start + (8 if version else 6), box.end), strict=False
    ):
        kind_version, flags = read_version(data, entry)
        if entry.kind != b"infe" or kind_version < 2:
            continue
        layout = ">I2x4s" if kind_version > 2 else ">H2x4s"
        item, kind = struct.unpack_from(layout, data, entry.start + 4)
        meta.kinds[item] = kind
        if flags & 1:
            meta.hidden.add(item)


def _read_references(data: bytes, box: Box, meta: ItemTable) -> None:
    version, _ = read_version(data, box)
    number = "I" if version else "H"
    for _, entry in zip(range(MAX_ITEMS), iterate_boxes(data, box.start + 4, box.end), strict=False):
        item, count = struct.unpack_from(f">{number}H", data, entry.start)
        place = entry.start + struct.calcsize(f">{number}H")
        meta.references[entry.kind][item] = struct.unpack_from(f">{min(count, MAX_ITEMS)}{number}", data, place)


def _read_properties(data: bytes, box: Box, meta: ItemTable) -> None:
    for child in iterate_boxes(data, box.start, box.end):
        if child.kind == b"ipco":
            meta.properties = list(iterate_boxes(data, child.start, child.end))
        elif child.kind == b"ipma":
            _read_associations(data, child, meta)


def _read_associations(data: bytes, box: Box, meta: ItemTable) -> None:
    version, flags = read_version(data, box)
    number, size, essential = (">H", 2, 0x8000) if flags & 1 else (">B", 1, 0x80)
    (entries,) = struct.unpack_from(">I", data, box.start + 4)
    place = box.start + 8
    for _ in range(min(entries, MAX_ITEMS)):
        item, count = struct.unpack_from(">IB" if version else ">HB", data, place)
        place += 5 if version else 3
        links = []
        for _ in range(count):
            (value,) = struct.unpack_from(number, data, place)
            place += size
            links.append(value & ~essential)
        meta.associations[item] = links


def _get_item(data: bytes, meta: ItemTable, item: int) -> MediaItem:
    """Return an item with its properties."""
    if item not in meta.items:
        meta.items[item] = _build_item(data, meta, item)
    return meta.items[item]


def _build_item(data: bytes, meta: ItemTable, item: int) -> MediaItem:
    """Return an item with its properties. Where a property occurs twice, the first one counts."""
    facts: dict[str, Any] = {}
    turns = 0
    links = meta.associations.get(item, [])
    for index in links:
        if not 1 <= index <= len(meta.properties):
            continue
        box = meta.properties[index - 1]
        if box.kind == b"irot":
            turns += data[box.start] & 3 if box.start < box.end else 0
            continue
        if index not in meta.values:
            meta.values[index] = _read_property(data, box)
        for name, value in meta.values[index].items():
            facts.setdefault(name, value)
    kind = meta.kinds.get(item, b"")
    return MediaItem(id=item, kind=kind, quarter_turns=turns % 4, **facts)


def _read_property(data: bytes, box: Box) -> Mapping[str, Any]:
    """Return the values of ``MediaItem`` that a property holds."""
    if box.kind == b"colr":
        return _read_color(data, box)
    if box.kind == b"ispe":
        return {"size": struct.unpack_from(">II", data, box.start + 4)}
    if box.kind == b"clap":
        width, width_divisor, height, height_divisor = struct.unpack_from(">IIII", data, box.start)
        return {"crop": (width // width_divisor, height // height_divisor)} if width_divisor and height_divisor else {}
    if box.kind == b"pixi":
        (count,) = struct.unpack_from(">B", data, box.start + 4)
        return {"bits": struct.unpack_from(f">{count}B", data, box.start + 5)}
    if box.kind == b"auxC":
        return {"auxiliary": data[box.start + 4 : box.end].split(b"\0")[0].decode("ascii", "replace")}
    return {}


def _read_color(data: bytes, box: Box) -> Mapping[str, Any]:
    kind = data[box.start : box.start + 4]
    if kind == b"nclx":
        primaries, transfer, matrix, flags = struct.unpack_from(">HHHB", data, box.start + 4)
        return {"nclx": Nclx(primaries, transfer, matrix, bool(flags & 0x80))}
    return {"profile": (box.start + 4, box.end)} if kind in {b"prof", b"rICC"} else {}
