"""Metadata: outputs contain only pixels, and artist and copyright if requested."""

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
SECRET_TEXT = SECRET.decode()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
ARTIST, COPYRIGHT = "Zoë Äöü", "© 2026 Zoë"
SOURCES = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
WITH_RIGHTS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
#: Tags that decoding a TIFF needs: size, bits, compression, strips, sample formats.
TIFF_TAGS = {256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 338, 339}


def make_exif() -> Image.Exif:
    """Return EXIF with a description, maker, GPS position, comment, artist and copyright."""
    block = Image.Exif()
    block[0x010E], block[0x010F], block[0x9C9C] = SECRET_TEXT, SECRET_TEXT, SECRET_TEXT.encode("utf-16-le")
    block[0x013B], block[0x8298] = ARTIST.encode(), COPYRIGHT.encode()
    block.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: SECRET_TEXT})
    block.get_ifd(0x8769).update({0x9286: b"ASCII\0\0\0" + SECRET})
    return block


def make_file_with_metadata(name: str) -> bytes:
    """Return a file with all metadata that its format supports."""
    image = sample_images.draw_scene(32, 24)
    icc = color_profiles.make_display_p3_profile() + SECRET
    icc = struct.pack(">I", len(icc)) + icc[4:]
    options: dict[str, Any] = {"icc_profile": icc, "exif": make_exif(), "xmp": XMP}
    if name == "JPEG":
        data = sample_images.encode(image, name, comment=SECRET, **options)
        iptc = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(SECRET)) + SECRET
        return data[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + data[2:] + SECRET
    if name == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET_TEXT)
        text.add_text("Location", SECRET_TEXT, zip=True)
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        data = sample_images.encode(image, name, pnginfo=text, icc_profile=icc, exif=make_exif())
        return (
            data[:33]
            + raw_files.make_png_chunk(b"tIME", bytes(7))
            + raw_files.make_png_chunk(b"prVt", SECRET)
            + data[33:]
            + SECRET
        )
    if name == "GIF":
        return sample_images.encode(image, name, comment=SECRET) + SECRET
    if name == "TIFF":
        tags = ImageFileDirectory_v2()
        tags[33723], tags[700], tags[34377] = SECRET, XMP, SECRET
        tags[305], tags[315], tags[33432] = SECRET_TEXT, ARTIST.encode(), COPYRIGHT.encode()
        return sample_images.encode(image, name, tiffinfo=tags, icc_profile=icc, exif=make_exif())
    return sample_images.encode(image, name) + SECRET if name == "BMP" else sample_images.encode(image, name, **options)


def render_output(source: str, output: OutputFormat, keep: tuple[str, ...] = ()) -> bytes:
    """Run an empty pipeline and return its output."""
    pipeline = Pipeline.model_validate({"output": {"format": output, "keep": keep}})
    return render(make_file_with_metadata(source), pipeline, LIMITS).outputs[0][1].data


def list_parts(data: bytes) -> set[object]:
    """Return the names of the chunks, segments, extensions, tags or items of a file."""
    image = sample_images.decode(data)
    if image.format == "PNG":
        return set(_list_chunks(data, 8, ">I4s", after_length=8, padding=4))
    if image.format == "WEBP":
        return set(_list_riff_chunks(data))
    if image.format == "JPEG":
        return {marker for marker, _ in _list_segments(data)}
    if image.format == "TIFF":
        return set(image.tag_v2)  # type: ignore[attr-defined] # a TIFF
    if image.format == "GIF":
        return {key for key in image.info if key in {"comment", "extension", "exif", "xmp"}}
    return {kind for kind in (b"Exif", b"mime", b"prof", b"rICC") if kind in data}


def _list_chunks(data: bytes, at: int, layout: str, *, after_length: int, padding: int) -> list[bytes]:
    kinds = []
    while at < len(data):
        length, kind = struct.unpack_from(layout, data, at)
        kinds.append(kind)
        at += after_length + length + padding
    return kinds


def _list_riff_chunks(data: bytes) -> list[bytes]:
    kinds, at = [], 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        kinds.append(kind)
        at += 8 + length + length % 2
    return kinds


def _list_segments(data: bytes) -> list[tuple[int, bytes]]:
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
def test_inputs_contain_metadata(source: str) -> None:
    """The other tests depend on this."""
    assert SECRET in make_file_with_metadata(source) or zlib.compress(SECRET)[2:6] in make_file_with_metadata(source)


@pytest.mark.parametrize("output", OutputFormat)
@pytest.mark.parametrize("source", SOURCES)
def test_outputs_contain_no_metadata(source: str, output: OutputFormat) -> None:
    """No output has EXIF, GPS, XMP, IPTC, comments, profiles, text or unknown chunks of an input."""
    data = render_output(source, output)
    assert list_parts(data) <= PIXELS_ONLY[output]
    assert SECRET not in data
    assert b"GPS" not in data
    image = sample_images.decode(data)
    assert output is OutputFormat.TIFF or not image.getexif()
    assert not image.info.keys() & {"exif", "xmp", "icc_profile", "comment", "photoshop"}


@pytest.mark.parametrize("output", [each for each in OutputFormat if each is not OutputFormat.GIF])
@pytest.mark.parametrize("source", WITH_RIGHTS)
def test_keep_copyright_keeps_only_artist_and_copyright(source: str, output: OutputFormat) -> None:
    """Both are kept byte by byte. Description, maker, GPS and comments are removed."""
    data = render_output(source, output, keep=("copyright",))
    assert list_parts(data) <= PIXELS_ONLY[output] | WITH_EXIF[output]
    assert SECRET not in data
    kept = sample_images.decode(data).getexif()
    texts = {tag: _decode_text(kept[tag]) for tag in (0x013B, 0x8298)}
    assert texts == {0x013B: ARTIST, 0x8298: COPYRIGHT}
    assert not kept.get_ifd(0x8825)
    assert not kept.get_ifd(0x8769)
    assert output is OutputFormat.TIFF or set(kept) == {0x013B, 0x8298}


def _decode_text(value: str) -> str:
    """Decode UTF-8 that Pillow decoded as Latin-1."""
    return value.encode("latin-1").decode()


def test_keep_copyright_adds_no_empty_exif() -> None:
    """An image without artist and copyright gets no EXIF block."""
    pipeline = Pipeline.model_validate({"output": {"format": "jpeg", "keep": ["copyright"]}})
    data = render(sample_images.make_jpeg(), pipeline, LIMITS).outputs[0][1].data
    assert list_parts(data) <= PIXELS_ONLY[OutputFormat.JPEG]


def test_hostile_copyright_is_sanitized() -> None:
    """A long text is shortened, and line breaks and control characters are removed."""
    block = Image.Exif()
    block[0x8298] = "\x1b[2J" + "a\r\n" * 5000
    pipeline = Pipeline.model_validate({"output": {"format": "png", "keep": ["copyright"]}})
    kept = Image.open(
        BytesIO(render(sample_images.make_jpeg(exif=block), pipeline, LIMITS).outputs[0][1].data)
    ).getexif()[0x8298]
    assert kept.startswith("[2Ja")
    assert kept.isprintable()
    assert len(kept) <= 1000
