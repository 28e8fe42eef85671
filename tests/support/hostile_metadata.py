"""Image files whose metadata is the attack. Each has valid pixels, so each job must be completed.

``FILES`` maps a name to a function that makes the bytes.
"""

import random
import struct
import zlib
from collections.abc import Callable
from functools import partial

from support import jpeg_parts, metadata_files, sample_images
from support.metadata_files import ASCII, BYTE, LONG, SHORT, UNDEFINED, make_exif, make_jpeg, make_png, make_xmp

MIB = 1024 * 1024
#: What an attacker would like to see expanded, kept or printed.
MARKER = "EXPANDED"

_ESCAPES = "\x1b[2J\x07\x00\u202e\u2066\ud7ff\ufeff\x85\u2028"


def _nested_entities() -> str:
    """Return a document type that would expand to 10**9 texts ("billion laughs")."""
    levels = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY e0 "{MARKER}">{levels}]>'


def _quadratic_entities() -> str:
    return f'<!DOCTYPE x [<!ENTITY e "{MARKER * 5000}">]>'


def _exif_of_raw_entries(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """Return a TIFF structure with entries of tag, type, count and value."""
    fields = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + struct.pack("<I", following)


def _exif_of_huge_entries() -> bytes:
    """Return 3,000 entries that all claim the whole block of 4 MiB."""
    size = 4 * MIB
    entries = [(tag, UNDEFINED, size, 0) for tag in range(0x100, 0x100 + 3000)]
    return _exif_of_raw_entries(*entries).ljust(size, b"A")


def _exif_with_wrong_types() -> bytes:
    tags = (0x010E, 0x010F, 0x0110, 0x0112, 0x013B, 0x8298, 0x8769, 0x8825, 0x829A, 0x9003)
    return _exif_of_raw_entries(*((tag, kind, 1, 8) for tag in tags for kind in (0, 3, 5, 10, 12, 13, 99, 0xFFFF)))


def _exif_with_loops() -> bytes:
    """Return directories that point to each other, to themselves and to their own entries."""
    return _exif_of_raw_entries((0x8769, LONG, 1, 8), (0x8825, LONG, 1, 8), (0x010E, ASCII, 64, 8), following=8)


def _exif_with_far_offsets() -> bytes:
    tags = (0x010E, 0x8769, 0x8825, 0x013B)
    return _exif_of_raw_entries(*((tag, LONG if tag > 0x8700 else ASCII, 0xFFFFFFFF, 0xFFFFFFF0) for tag in tags))


def _exif_with_bad_numbers() -> bytes:
    rational = metadata_files.rational
    return make_exif(
        main=[metadata_files.text(0x010F, "Canon")],
        exif=[
            rational(0x829A, (1, 0)),
            rational(0x829D, (0, 0)),
            rational(0x920A, (0xFFFFFFFF, 1)),
            rational(0x9204, (-(2**31), -1), signed=True),
            (0x8827, SHORT, 0, b""),
            metadata_files.text(0x9003, "9999:99:99 99:99:99"),
        ],
        gps=[
            metadata_files.text(1, "X"),
            rational(2, (0xFFFFFFFF, 1), (1, 0), (0, 0)),
            metadata_files.text(3, ""),
            rational(4, (1000, 1), (0, 1), (0, 1)),
        ],
    )


def _exif_with_texts(value: bytes) -> bytes:
    return make_exif([metadata_files.text(tag, value) for tag in (0x010E, 0x010F, 0x0110, 0x013B, 0x8298)])


def _xmp(xml: str) -> Callable[[], bytes]:
    return lambda: make_jpeg(xmp=make_xmp(xml))


def _deep_xmp(depth: int) -> str:
    return "<dc:title>" + "<dc:a>" * depth + MARKER + "</dc:a>" * depth + "</dc:title>"


def _png_text(content: bytes, keyword: bytes = b"XML:com.adobe.xmp") -> bytes:
    return make_png((b"iTXt", keyword + b"\0\1\0\0\0" + zlib.compress(content)))


def _iptc_with_long_set(width: int) -> bytes:
    return struct.pack(">BBBH", 0x1C, 2, 120, 0x8000 | width) + b"\xff" * width + b"A" * 100


def _png_raw_profile(kind: bytes, digits: bytes) -> bytes:
    keyword = b"Raw profile type " + kind
    return make_png((b"zTXt", keyword + b"\0\0" + zlib.compress(b"\n" + kind + b"\n8\n" + digits)))


def _exif_with_notes(size: int, kind: int = UNDEFINED) -> bytes:
    """Return EXIF with a MakerNote of ``size`` bytes that starts like a directory of a camera."""
    notes = (b"OLYMPUS\0II\3\0" + struct.pack("<H", 65_535)).ljust(size, b"\x0c")
    exif = [(0x927C, kind, size, notes), metadata_files.text(0xA434, "Lens")]
    return make_exif([metadata_files.text(0x010F, "Canon")], exif)


def _exif_with_unknown_tags(count: int) -> bytes:
    return make_exif([(tag, BYTE, 8, bytes(8)) for tag in range(0x100, 0x100 + count)], [(0x9003, ASCII, 4, b"2026")])


def _tiff_with_notes() -> bytes:
    """Return a TIFF of 40 × 30 gray pixels, which are the first bytes of a MakerNote of 4 MiB."""
    size = 4 * MIB
    fields = {0x0100: 40, 0x0101: 30, 0x0102: 8, 0x0103: 1, 0x0106: 1, 0x0116: 30}
    counted = [(tag, LONG, 1, struct.pack("<I", value)) for tag, value in ((0x0117, 1200), (0x0111, 4096))]
    exif = [(0x927C, UNDEFINED, size, bytes(size))]
    return make_exif([*(metadata_files.short(tag, value) for tag, value in fields.items()), *counted], exif)


def _icc(*tags: tuple[bytes, int, int], count: int | None = None, body: bytes = b"") -> bytes:
    """Return a profile with a table of tags: signature, offset and size. ``count`` is what the table claims."""
    table = struct.pack(">I", len(tags) if count is None else count)
    table += b"".join(struct.pack(">4sII", *tag) for tag in tags)
    size = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x04300000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    return header.ljust(128, b"\0") + table + body


def _with_profile(make: Callable[[], bytes], image_format: str = "JPEG") -> bytes:
    return sample_images.encode(sample_images.draw_scene(40, 30), image_format, icc_profile=make())


def _icc_with_name(name: bytes) -> bytes:
    return _icc((b"desc", 144, len(name)), body=name)


_PROFILES: dict[str, Callable[[], bytes]] = {
    "claims-tags": lambda: _icc(count=0xFFFFFFFF),
    "many-tags": lambda: _icc(*((b"A2B0", 128, 64) for _ in range(50_000))),
    "far-tags": lambda: _icc(*((kind, 0xFFFFFFF0, 0xFFFFFFFF) for kind in (b"desc", b"rXYZ", b"rTRC", b"A2B0"))),
    "name-of-itself": lambda: _icc((b"desc", 0, 0xFFFFFFFF)),
    "long-name": lambda: _icc_with_name(b"desc" + bytes(4) + struct.pack(">I", 0xFFFFFFFF) + b"x" * MIB),
    "many-languages": lambda: _icc_with_name(
        b"mluc" + bytes(4) + struct.pack(">II", 0xFFFFFFFF, 12) + struct.pack(">4sII", b"enUS", MIB, 28) * 5000
    ),
    "name-of-controls": lambda: _icc_with_name(
        b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", 64, 28) + _ESCAPES.encode("utf-16-be", "ignore")
    ),
    "noise": lambda: _icc((b"desc", 144, 60_000), body=random.Random(6).randbytes(60_000)),
    "only-zeros": lambda: bytes(MIB),
    "short": lambda: b"\0\0\0\x80",
}

_TRUNCATED = metadata_files.make_camera_exif()

FILES: dict[str, Callable[[], bytes]] = {
    **{f"exif-cut-{size}": partial(lambda size: make_jpeg(_TRUNCATED[:size]), size) for size in (1, 9, 40, 100, 250)},
    "exif-huge-entries": lambda: make_jpeg(_exif_of_huge_entries()),
    "exif-wrong-types": lambda: make_jpeg(_exif_with_wrong_types()),
    "exif-loops": lambda: make_jpeg(_exif_with_loops()),
    "exif-far-offsets": lambda: make_jpeg(_exif_with_far_offsets()),
    "exif-bad-numbers": lambda: make_jpeg(_exif_with_bad_numbers()),
    "exif-many-entries": lambda: make_jpeg(_exif_of_raw_entries(*((0x0110, BYTE, 4, at) for at in range(65_000)))),
    "exif-claims-entries": lambda: make_jpeg(jpeg_parts.make_exif([(0x0112, SHORT, 1, 6)], count=65_535)[6:]),
    "exif-control-characters": lambda: make_jpeg(_exif_with_texts(_ESCAPES.encode("utf-8", "surrogatepass"))),
    "exif-invalid-utf8": lambda: make_jpeg(_exif_with_texts(b"\xff\xfe\xc0\x80\xed\xa0\x80")),
    "exif-long-texts": lambda: make_jpeg(_exif_with_texts("\U0001f4f7".encode() * 15_000)),
    "exif-only-zeros": lambda: make_jpeg(_exif_with_texts(bytes(1000))),
    "exif-noise": lambda: make_jpeg(b"II*\0" + random.Random(3).randbytes(60_000)),
    "exif-many-segments": lambda: make_jpeg(b"MM\0*" + bytes(8 * MIB)),
    "exif-in-png-loops": lambda: make_png((b"eXIf", _exif_with_loops())),
    "exif-in-webp-loops": lambda: metadata_files.make_webp((b"EXIF", _exif_with_loops())),
    "exif-notes-in-jpeg": lambda: make_jpeg(_exif_with_notes(4 * MIB)),
    "exif-notes-in-png": lambda: make_png((b"eXIf", _exif_with_notes(4 * MIB))),
    "exif-notes-in-webp": lambda: metadata_files.make_webp((b"EXIF", _exif_with_notes(4 * MIB))),
    "exif-notes-in-tiff": _tiff_with_notes,
    "exif-notes-as-text": lambda: make_jpeg(_exif_with_notes(60_000, ASCII)),
    "exif-unknown-tags": lambda: make_jpeg(_exif_with_unknown_tags(5000)),
    "exif-unknown-tags-in-png": lambda: make_png((b"eXIf", _exif_with_unknown_tags(60_000))),
    **{f"icc-{name}": partial(_with_profile, make) for name, make in _PROFILES.items()},
    **{f"icc-{name}-in-png": partial(_with_profile, make, "PNG") for name, make in _PROFILES.items()},
    "xmp-billion-laughs": lambda: make_jpeg(xmp=make_xmp("<dc:title>&e9;</dc:title>", before=_nested_entities())),
    "xmp-quadratic": lambda: make_jpeg(
        xmp=make_xmp(f"<dc:title>{'&e;' * 200}</dc:title>", before=_quadratic_entities())
    ),
    "xmp-external-entity": lambda: make_jpeg(
        xmp=make_xmp(
            "<dc:title>&e;</dc:title>", before='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        )
    ),
    "xmp-external-dtd": lambda: make_jpeg(xmp=make_xmp(before='<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">')),
    "xmp-deep": _xmp(_deep_xmp(3000)),
    "xmp-many-elements": _xmp("<dc:a/>" * 8000),
    "xmp-many-attributes": lambda: make_jpeg(xmp=make_xmp(attributes=" ".join(f'a{at}="x"' for at in range(5000)))),
    "xmp-many-items": _xmp(f"<dc:creator><rdf:Seq>{'<rdf:li>x</rdf:li>' * 3000}</rdf:Seq></dc:creator>"),
    "xmp-duplicates": _xmp("<dc:title>first</dc:title>" * 1000),
    "xmp-unclosed": lambda: make_jpeg(xmp=make_xmp()[:-80]),
    "xmp-encoding": lambda: make_jpeg(xmp=b'<?xml version="1.0" encoding="cp1252"?>' + make_xmp()),
    "xmp-utf-16": lambda: make_jpeg(xmp=make_xmp().decode().encode("utf-16")),
    "xmp-invalid-utf8": lambda: make_jpeg(xmp=make_xmp("<dc:title>X</dc:title>").replace(b">X<", b">\xff\xfe<")),
    "xmp-noise": lambda: make_jpeg(xmp=random.Random(4).randbytes(60_000)),
    "xmp-long-text": _xmp(f"<dc:description>{'x' * 60_000}</dc:description>"),
    "xmp-bomb-in-png": lambda: _png_text(make_xmp(f"<dc:title>{'x' * (64 * MIB)}</dc:title>")),
    "xmp-laughs-in-png": lambda: _png_text(make_xmp("<dc:title>&e9;</dc:title>", before=_nested_entities())),
    "xmp-damaged-in-png": lambda: make_png((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + b"\x78\x9c" + bytes(100))),
    "xmp-many-in-png": lambda: make_png(*[(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + make_xmp())] * 5000),
    "xmp-short-in-png": lambda: make_png((b"iTXt", b"XML:com.adobe.xmp\0\1")),
    "profile-odd-digits-in-png": lambda: _png_raw_profile(b"exif", b"4949" + b"f" * 1001),
    "profile-no-digits-in-png": lambda: _png_raw_profile(b"iptc", b"not digits"),
    "profile-loops-in-png": lambda: _png_raw_profile(b"exif", (b"Exif\0\0" + _exif_with_loops()).hex().encode()),
    **{f"iptc-long-set-{size}": partial(lambda n: make_jpeg(iptc=_iptc_with_long_set(n)), size) for size in (0, 4, 9)},
    "iptc-cut": lambda: make_jpeg(iptc=metadata_files.make_iptc((120, b"x" * 500))[:-100]),
    "iptc-many-sets": lambda: make_jpeg(iptc=metadata_files.make_iptc(*[(80, b"x" * 60)] * 9000)),
    "iptc-long-caption": lambda: make_jpeg(iptc=metadata_files.make_iptc(*[(120, b"x" * 32_000)] * 30)),
    "iptc-other-records": lambda: make_jpeg(iptc=b"".join(bytes((0x1C, at % 256, 5, 0, 1, 65)) for at in range(9000))),
    "iptc-character-set": lambda: make_jpeg(iptc=b"\x1c\1\x5a\0\3\x1b%G" + metadata_files.make_iptc((5, b"\xff" * 99))),
    "iptc-noise": lambda: make_jpeg(iptc=b"\x1c" + random.Random(5).randbytes(50_000)),
    "iptc-control-characters": lambda: make_jpeg(iptc=metadata_files.make_iptc((5, _ESCAPES.encode()))),
    "resources-many": lambda: make_jpeg(
        more=[jpeg_parts.make_segment(0xED, b"Photoshop 3.0\0" + (b"8BIM\0\0\0\0" + bytes(4)) * 5000)] * 3
    ),
    "resources-far-size": lambda: make_jpeg(
        more=[jpeg_parts.make_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\xff" + b"\xff" * 30)]
    ),
    "c2pa-noise": lambda: make_jpeg(
        more=[jpeg_parts.make_segment(0xEB, b"JP\0\1\0\0\0\1" + b"\xff" * 4 + b"jumbc2pa" + bytes(30_000))] * 50
    ),
}  # fmt: skip
