"""Nothing but pixels leaves, whatever comes in and whatever is written; the rights alone, if they are asked for."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from support import color_profiles, raw_files, sample_images

from shared.pipeline.output import OutputFormat
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render

LIMITS = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000)
SECRET = b"SECRET-PLACE"
WORD = SECRET.decode()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
ARTIST, COPYRIGHT = "Zoë Äöü", "© 2026 Zoë"
SOURCES = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
WITH_RIGHTS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
#: What a TIFF needs to be decoded: size, bits, compression, strips, kinds of samples.
TIFF_TAGS = {256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 338, 339}


def exif() -> Image.Exif:
    """Return EXIF with a description, a maker, a position, a comment, and the rights."""
    block = Image.Exif()
    block[0x010E], block[0x010F], block[0x9C9C] = WORD, WORD, WORD.encode("utf-16-le")
    block[0x013B], block[0x8298] = ARTIST.encode(), COPYRIGHT.encode()
    block.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: WORD})
    block.get_ifd(0x8769).update({0x9286: b"ASCII\0\0\0" + SECRET})
    return block


def laden(name: str) -> bytes:
    """Return a file that carries everything that its format can carry beside pixels."""
    image = sample_images.draw_scene(32, 24)
    icc = color_profiles.make_display_p3_profile() + SECRET
    icc = struct.pack(">I", len(icc)) + icc[4:]
    options: dict[str, Any] = {"icc_profile": icc, "exif": exif(), "xmp": XMP}
    if name == "JPEG":
        data = sample_images.encode(image, name, comment=SECRET, **options)
        iptc = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(SECRET)) + SECRET
        return data[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + data[2:] + SECRET
    if name == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", WORD)
        text.add_text("Location", WORD, zip=True)
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        data = sample_images.encode(image, name, pnginfo=text, icc_profile=icc, exif=exif())
        return data[:33] + raw_files.make_png_chunk(b"tIME", bytes(7)) + raw_files.make_png_chunk(b"prVt", SECRET) + data[33:] + SECRET
    if name == "GIF":
        return sample_images.encode(image, name, comment=SECRET) + SECRET
    if name == "TIFF":
        tags = ImageFileDirectory_v2()
        tags[33723], tags[700], tags[34377] = SECRET, XMP, SECRET
        tags[305], tags[315], tags[33432] = WORD, ARTIST.encode(), COPYRIGHT.encode()
        return sample_images.encode(image, name, tiffinfo=tags, icc_profile=icc, exif=exif())
    return (
        sample_images.encode(image, name) + SECRET if name == "BMP" else sample_images.encode(image, name, **options)
    )


def written(source: str, output: OutputFormat, keep: tuple[str, ...] = ()) -> bytes:
    """Run an empty pipeline."""
    pipeline = Pipeline.model_validate({"output": {"format": output, "keep": keep}})
    return render(laden(source), pipeline, LIMITS).outputs[0][1].data


def parts(data: bytes) -> set[object]:
    """Name what a result consists of: chunks, segments, extensions, tags or items, whatever its format calls them."""
    image = sample_images.decode(data)
    if image.format == "PNG":
        return set(_chunks(data, 8, ">I4s", after_length=8, padding=4))
    if image.format == "WEBP":
        return set(_riff(data))
    if image.format == "JPEG":
        return {marker for marker, _ in _segments(data)}
    if image.format == "TIFF":
        return set(image.tag_v2)  # type: ignore[attr-defined] # a TIFF
    if image.format == "GIF":
        return {key for key in image.info if key in {"comment", "extension", "exif", "xmp"}}
    return {kind for kind in (b"Exif", b"mime", b"prof", b"rICC") if kind in data}


def _chunks(data: bytes, at: int, layout: str, *, after_length: int, padding: int) -> list[bytes]:
    kinds = []
    while at < len(data):
        length, kind = struct.unpack_from(layout, data, at)
        kinds.append(kind)
        at += after_length + length + padding
    return kinds


def _riff(data: bytes) -> list[bytes]:
    kinds, at = [], 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        kinds.append(kind)
        at += 8 + length + length % 2
    return kinds


def _segments(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 2
    while data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        found.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


PIXELS_ONLY: dict[OutputFormat, set[object]] = {
    OutputFormat.PNG: {b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS"},
    OutputFormat.WEBP: {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"},
    OutputFormat.JPEG: {0xE0, 0xDB, 0xC0, 0xC2, 0xC4, 0xDD},
    OutputFormat.TIFF: set(TIFF_TAGS),
    OutputFormat.GIF: set(),
    OutputFormat.AVIF: set(),
}
WITH_EXIF: dict[OutputFormat, set[object]] = {
    OutputFormat.PNG: {b"eXIf"},
    OutputFormat.WEBP: {b"EXIF"},
    OutputFormat.JPEG: {0xE1},
    OutputFormat.TIFF: {315, 33432},
    OutputFormat.AVIF: {b"Exif"},
}


@pytest.mark.parametrize("source", SOURCES)
def test_the_inputs_carry_what_must_not_leave(source: str) -> None:
    """Otherwise the other tests would prove nothing."""
    assert SECRET in laden(source) or zlib.compress(SECRET)[2:6] in laden(source)


@pytest.mark.parametrize("output", OutputFormat)
@pytest.mark.parametrize("source", SOURCES)
def test_nothing_but_pixels_leaves(source: str, output: OutputFormat) -> None:
    """No EXIF, position, XMP, IPTC, comment, profile, text or unknown chunk of any input is in any output."""
    data = written(source, output)
    assert parts(data) <= PIXELS_ONLY[output]
    assert SECRET not in data
    assert b"GPS" not in data
    image = sample_images.decode(data)
    assert output is OutputFormat.TIFF or not image.getexif()
    assert not image.info.keys() & {"exif", "xmp", "icc_profile", "comment", "photoshop"}


@pytest.mark.parametrize("output", [each for each in OutputFormat if each is not OutputFormat.GIF])
@pytest.mark.parametrize("source", WITH_RIGHTS)
def test_copyright_stays_where_it_is_asked_for_and_nothing_else(source: str, output: OutputFormat) -> None:
    """Artist and Copyright come through byte by byte; description, maker, position and comments don't."""
    data = written(source, output, keep=("copyright",))
    assert parts(data) <= PIXELS_ONLY[output] | WITH_EXIF[output]
    assert SECRET not in data
    kept = sample_images.decode(data).getexif()
    texts = {tag: _text(kept[tag]) for tag in (0x013B, 0x8298)}
    assert texts == {0x013B: ARTIST, 0x8298: COPYRIGHT}
    assert not kept.get_ifd(0x8825)
    assert not kept.get_ifd(0x8769)
    assert output is OutputFormat.TIFF or set(kept) == {0x013B, 0x8298}


def _text(value: str) -> str:
    """Read as UTF-8 what Pillow read as Latin-1."""
    return value.encode("latin-1").decode()


def test_without_rights_keeping_them_adds_nothing() -> None:
    """An image that names no owner gets no empty EXIF block."""
    pipeline = Pipeline.model_validate({"output": {"format": "jpeg", "keep": ["copyright"]}})
    data = render(sample_images.make_jpeg(), pipeline, LIMITS).outputs[0][1].data
    assert parts(data) <= PIXELS_ONLY[OutputFormat.JPEG]


def test_hostile_rights_are_cut() -> None:
    """A long text with line breaks and a terminal's escapes is shortened, and its controls are taken out."""
    block = Image.Exif()
    block[0x8298] = "\x1b[2J" + "a\r\n" * 5000
    pipeline = Pipeline.model_validate({"output": {"format": "png", "keep": ["copyright"]}})
    kept = Image.open(BytesIO(render(sample_images.make_jpeg(exif=block), pipeline, LIMITS).outputs[0][1].data)).getexif()[
        0x8298
    ]
    assert kept.startswith("[2Ja")
    assert kept.isprintable()
    assert len(kept) <= 1000
