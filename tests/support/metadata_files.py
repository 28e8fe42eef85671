"""Files with metadata: EXIF, IPTC-IIM and XMP blocks, and image files that hold them."""

import struct
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from PIL import Image
from support import jpeg_parts, raw_files, sample_images

#: EXIF types.
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SIGNED_RATIONAL = 1, 2, 3, 4, 5, 7, 10
#: Tag, type, count and content of an entry.
Entry = tuple[int, int, int, bytes]
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
}


def text(tag: int, value: str | bytes) -> Entry:
    """Return an entry of type ASCII."""
    content = (value.encode() if isinstance(value, str) else value) + b"\0"
    return tag, ASCII, len(content), content


def rational(tag: int, *pairs: tuple[int, int], signed: bool = False) -> Entry:
    """Return an entry of one or more rationals."""
    numbers = [number for pair in pairs for number in pair]
    kind, code = (SIGNED_RATIONAL, "i") if signed else (RATIONAL, "I")
    return tag, kind, len(pairs), struct.pack(f"<{len(numbers)}{code}", *numbers)


def short(tag: int, value: int) -> Entry:
    """Return an entry of one 16-bit number."""
    return tag, SHORT, 1, struct.pack("<H", value)


def make_exif(
    main: Sequence[Entry] = (), exif: Sequence[Entry] = (), gps: Sequence[Entry] = (), order: str = "<"
) -> bytes:
    """Return a TIFF structure. The contents of entries must have the byte order ``order``."""
    links = [(0x8769, exif), (0x8825, gps)]
    place = 8
    main_entries = [*main, *((tag, LONG, 1, b"") for tag, entries in links if entries)]
    sizes = [_directory_size(main_entries), *(_directory_size(entries) for _, entries in links if entries)]
    starts = [place + sum(sizes[:index]) for index in range(len(sizes))]
    linked = [(tag, entries) for tag, entries in links if entries]
    filled = [
        *main,
        *((tag, LONG, 1, struct.pack(f"{order}I", starts[index + 1])) for index, (tag, _) in enumerate(linked)),
    ]
    body = b"".join(
        _make_directory(entries, start, order)
        for entries, start in zip([filled, *(each for _, each in linked)], starts, strict=True)
    )
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", place) + body


def _directory_size(entries: Sequence[Entry]) -> int:
    return 6 + 12 * len(entries) + sum(len(content) for *_, content in entries if len(content) > 4)


def _make_directory(entries: Sequence[Entry], start: int, order: str) -> bytes:
    place = start + 6 + 12 * len(entries)
    fields, contents = b"", b""
    for tag, kind, count, content in sorted(entries):
        fields += struct.pack(f"{order}HHI", tag, kind, count)
        if len(content) > 4:
            fields += struct.pack(f"{order}I", place + len(contents))
            contents += content
        else:
            fields += content.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(entries)) + fields + bytes(4) + contents


def make_camera_exif(creator: str = "Zoë") -> bytes:
    """Return the EXIF of a photograph with all facts, GPS included."""
    return make_exif(
        main=[
            text(0x010E, "A caption"),
            text(0x010F, "Canon"),
            text(0x0110, "EOS R5"),
            short(0x0112, 6),
            text(0x013B, creator),
            text(0x8298, f"(c) {creator}"),
        ],
        exif=[
            rational(0x829A, (1, 250)),
            rational(0x829D, (28, 10)),
            short(0x8827, 400),
            text(0x9003, "2026:05:01 12:30:45"),
            text(0x9011, "+02:00"),
            text(0x9291, "12"),
            rational(0x9204, (-1, 3), signed=True),
            rational(0x920A, (50, 1)),
            short(0xA405, 75),
            text(0xA434, "RF50mm F1.2"),
        ],
        gps=[
            text(1, "N"),
            rational(2, (52, 1), (31, 1), (12, 1)),
            text(3, "W"),
            rational(4, (13, 1), (24, 1), (36, 1)),
            (5, BYTE, 1, b"\1"),
            rational(6, (34, 1)),
        ],
    )


def make_iptc(*sets: tuple[int, bytes]) -> bytes:
    """Return IPTC-IIM with data sets of record 2."""
    return b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in sets)


def make_resources(iptc: bytes) -> bytes:
    """Return Photoshop image resources with IPTC-IIM."""
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)


def make_xmp(properties: str = "", attributes: str = "", before: str = "") -> bytes:
    """Return an XMP packet with the XML of properties, or with attributes of the description."""
    names = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in NAMESPACES.items())
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{before}<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" {names} {attributes}>{properties}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def make_jpeg(
    exif: bytes = b"", xmp: bytes = b"", iptc: bytes = b"", image: Image.Image | None = None, more: Sequence[bytes] = ()
) -> bytes:
    """Return a JPEG with metadata blocks. Longer EXIF has several segments."""
    data = sample_images.encode(image or sample_images.draw_scene(40, 30), "JPEG", quality=90)
    parts = [exif[at : at + 65_000] for at in range(0, len(exif), 65_000)]
    segments = [jpeg_parts.make_segment(0xE1, b"Exif\0\0" + part) for part in parts]
    if xmp:
        segments.append(jpeg_parts.make_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp))
    resources = make_resources(iptc) if iptc else b""
    segments += [
        jpeg_parts.make_segment(0xED, b"Photoshop 3.0\0" + resources[at : at + 60_000])
        for at in range(0, len(resources), 60_000)
    ]
    return jpeg_parts.insert(data, *segments, *more)


def make_png(*chunks: tuple[bytes, bytes], image: Image.Image | None = None) -> bytes:
    """Return a PNG with more chunks after its header."""
    data = sample_images.encode(image or sample_images.draw_scene(40, 30), "PNG")
    return data[:33] + b"".join(raw_files.make_png_chunk(kind, content) for kind, content in chunks) + data[33:]


def make_webp(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WebP with more chunks at its end."""
    data = sample_images.encode(sample_images.draw_scene(40, 30), "WEBP", lossless=True, exif=b"Exif\0\0" + make_exif())
    extra = b"".join(
        kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for kind, content in chunks
    )
    data = data[: data.index(b"EXIF")] + extra
    return b"RIFF" + struct.pack("<I", len(data) - 8) + data[8:]


def save(image: Image.Image, name: str, options: Mapping[str, Any]) -> bytes:
    """Return an image file that Pillow writes with metadata."""
    file = BytesIO()
    image.save(file, name, **options)
    return file.getvalue()
