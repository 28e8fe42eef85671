"""AVIF files that are put together from items, also from items that readers do not expect."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from support.heif_boxes import Reference, make_auxiliary, make_box, make_full_box, make_nclx, make_size

from shared.pipeline.media_boxes import find_box, iterate_boxes

ALPHA = "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
#: In ``Item.links``, marks a property that a reader must understand.
ESSENTIAL = 0x80


@dataclass(frozen=True, slots=True)
class Item:
    """An item with its content and the properties that it refers to, by index from 1."""

    kind: bytes
    content: bytes
    links: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Coded:
    """A coded image: the content of the item, and its properties."""

    content: bytes
    properties: tuple[bytes, ...]


def encode(image: Image.Image) -> Coded:
    """Encode an image of mode RGB, or a plane of mode L, with AV1. The properties are ispe, pixi, av1C and colr."""
    target = BytesIO()
    image.save(target, "AVIF", quality=90, range="full", subsampling="4:4:4" if image.mode == "RGB" else "4:0:0")
    data = target.getvalue()
    meta = find_box(data, b"meta", 0, len(data))
    assert meta
    properties = find_box(data, b"iprp", meta.start + 4, meta.end)
    media = find_box(data, b"mdat", 0, len(data))
    assert properties
    assert media
    container = find_box(data, b"ipco", properties.start, properties.end)
    assert container
    codec = next(box for box in iterate_boxes(data, container.start, container.end) if box.kind == b"av1C")
    depths = bytes([len(image.getbands()), *(8 for _ in image.getbands())])
    return Coded(
        data[media.start : media.end],
        (
            make_size(*image.size),
            make_full_box(b"pixi", depths),
            make_box(b"av1C", data[codec.start : codec.end]),
            make_nclx(1, 13, 6) if image.mode == "RGB" else make_auxiliary(ALPHA),
        ),
    )


def make_avif(
    items: Mapping[int, Item],
    properties: Sequence[bytes],
    references: Sequence[Reference] = (),
    *,
    extra: Sequence[bytes] = (),
    associations: Sequence[bytes] | None = None,
) -> bytes:
    """Return a file. ``extra`` are more boxes in ``meta``; ``associations`` replaces the boxes ``ipma``."""
    entries = [
        make_full_box(b"infe", struct.pack(">HH4s", number, 0, item.kind), b"\0", version=2)
        for number, item in items.items()
    ]
    pointers = [
        make_box(kind, struct.pack(f">HH{len(targets)}H", item, len(targets), *targets))
        for kind, item, targets in references
    ]
    file_type = make_box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")

    def make_meta(first: int) -> bytes:
        places, at = [], first
        for number, item in items.items():
            places.append(struct.pack(">HHHII", number, 0, 1, at, len(item.content)))
            at += len(item.content)
        return make_full_box(
            b"meta",
            make_full_box(b"hdlr", b"\0\0\0\0pict", bytes(13)),
            make_full_box(b"pitm", struct.pack(">H", 1)),
            make_full_box(b"iloc", struct.pack(">BBH", 0x44, 0, len(places)), *places),
            make_full_box(b"iinf", struct.pack(">H", len(entries)), *entries),
            *([make_full_box(b"iref", *pointers)] if pointers else []),
            make_box(
                b"iprp",
                make_box(b"ipco", *properties),
                *(associations if associations is not None else [make_associations(items)]),
            ),
            *extra,
        )

    head = len(file_type) + len(make_meta(0)) + 8
    return file_type + make_meta(head) + make_box(b"mdat", *(item.content for item in items.values()))


def make_associations(items: Mapping[int, Item]) -> bytes:
    """Return a box ``ipma``."""
    links = [struct.pack(">HB", number, len(item.links)) + bytes(item.links) for number, item in items.items()]
    return make_full_box(b"ipma", struct.pack(">I", len(links)), *links)
