"""PNG chunks: only the pixels can fail an image."""

import struct
import zlib

import pytest
from support import raw_files, sample_images
from support.jpeg_parts import ORIENTATION, SHORT, make_exif
from support.rendered_pngs import COLORS, EMPTY, LIMITS, P3_CHUNK, PIXELS, break_crc, get_colors, render_png

from shared.errors import CorruptImage, ImageError, TruncatedImage
from shared.pipeline.png_chunks import SIGNATURE
from worker.imaging import render

ANCILLARY = [
    (b"tEXt", b"Comment\0hello"),
    (b"zTXt", b"Comment\0\0" + zlib.compress(b"hello")),
    (b"iTXt", b"Comment\0\0\0\0\0hello"),
    (b"eXIf", b"II*\0\x08\0\0\0\0\0"),
    (b"gAMA", struct.pack(">I", 100_000)),
    (b"cICP", bytes((9, 8, 0, 1))),
    P3_CHUNK,
    (b"tRNS", struct.pack(">3H", 200, 100, 50)),
    (b"pHYs", bytes(9)),
    (b"tIME", bytes(7)),
]


@pytest.mark.parametrize(("kind", "content"), ANCILLARY, ids=[kind.decode() for kind, _ in ANCILLARY])
def test_a_wrong_checksum_costs_only_the_ancillary_chunk(kind: bytes, content: bytes) -> None:
    """The chunk has no effect, and a warning names it."""
    result = render_png((kind, content), damage=kind)
    assert get_colors(result) == COLORS
    assert f"The PNG chunk {kind.decode()} is damaged and was ignored." in result.warnings


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"zTXt", b"k\0\0" + zlib.compress(bytes(3_000_000))),
        (b"zTXt", b"k\0\1not deflated"),
        (b"zTXt", b"k\0\0broken"),
        (b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(3_000_000))),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b'tiff:Orientation="6"'),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n8\nno hex")),
        (b"tEXt", b"Raw profile type exif\0\nexif\n8\nzz"),
        (b"tEXt", b"\xff" * 5_000_000),
        (b"acTL", b""),
        (b"tRNS", b"\0"),
        (b"pHYs", b""),
        (b"sRGB", b""),
        (b"cHRM", b""),
        (b"tIME", b""),
        (b"IDOT", b"\0" * 28),
        (b"vpAg", b""),
    ],
)
def test_content_outside_the_pixels_never_fails_an_image(kind: bytes, content: bytes) -> None:
    """Text is skipped without inflating it, and nothing in it rotates the image."""
    assert get_colors(render_png((kind, content))) == COLORS


def test_wrong_checksum_of_the_header_is_an_error() -> None:
    """The size could be wrong."""
    with pytest.raises(CorruptImage):
        render_png(damage=b"IHDR")


def test_wrong_checksum_of_a_palette_is_an_error() -> None:
    """The colors could be wrong."""
    palette = sample_images.encode(sample_images.draw_scene().quantize(8), "PNG")
    assert render(palette, EMPTY, LIMITS).warnings == ()
    with pytest.raises(CorruptImage):
        render(break_crc(palette, b"PLTE"), EMPTY, LIMITS)


def test_wrong_checksum_of_whole_image_data_gives_a_warning() -> None:
    """The data contains another checksum, which is right."""
    result = render_png(damage=b"IDAT")
    assert get_colors(result) == COLORS
    assert result.warnings == ("A checksum of the image data is wrong, but the data can be decoded.",)


def test_damaged_image_data_is_an_error() -> None:
    """A changed byte fails the image, with and without a right checksum of the chunk."""
    data = raw_files.make_png(PIXELS, 8)
    at = data.index(b"IDAT") + 12
    changed = bytearray(data)
    changed[at] ^= 0x40
    with pytest.raises(ImageError):
        render(bytes(changed), EMPTY, LIMITS)


def test_data_after_the_end_is_ignored() -> None:
    """Also if it contains chunks."""
    data = raw_files.make_png(PIXELS, 8) + raw_files.make_png_chunk(*P3_CHUNK) + b"junk" * 1000
    result = render(data, EMPTY, LIMITS)
    assert get_colors(result) == COLORS
    assert result.warnings == ()


@pytest.mark.parametrize("cut", [4, 8, 12, 20, 24])
def test_end_that_is_cut_off_after_the_pixels_does_not_matter(cut: int) -> None:
    """The end marker, or text before it, is incomplete."""
    text = raw_files.make_png_chunk(b"tEXt", b"k\0hello")
    data = raw_files.make_png(PIXELS, 8)
    assert get_colors(render((data[:-12] + text + data[-12:])[:-cut], EMPTY, LIMITS)) == COLORS


def test_cut_pixels_are_an_error() -> None:
    """The file ends within the pixels."""
    with pytest.raises(TruncatedImage):
        render(raw_files.make_png(PIXELS, 8)[:-22], EMPTY, LIMITS)


def test_text_between_image_data_is_skipped() -> None:
    """Some programs write text between two IDAT chunks."""
    data = raw_files.make_png(PIXELS, 8)
    start = data.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", data, start)
    content = data[start + 8 : start + 8 + length]
    parts = [(b"IDAT", content[:4]), (b"tEXt", b"k\0v"), (b"IDAT", b""), (b"IDAT", content[4:])]
    body = b"".join(raw_files.make_png_chunk(*part) for part in parts)
    assert get_colors(render(data[:start] + body + data[start + 12 + length :], EMPTY, LIMITS)) == COLORS


def test_exif_after_the_pixels_does_not_rotate() -> None:
    """Browsers and plans do not see it."""
    exif = raw_files.make_png_chunk(b"eXIf", make_exif([(ORIENTATION, SHORT, 1, 6)])[6:])
    data = raw_files.make_png(PIXELS, 8)
    assert render(data[:33] + exif + data[33:], EMPTY, LIMITS).height == 2
    assert render(data[:-12] + exif + data[-12:], EMPTY, LIMITS).height == 1


def test_missing_palette_colors_are_black() -> None:
    """The palette has one color, and the second pixel refers to another one. Browsers show black."""
    header = struct.pack(">IIBBBBB", 2, 1, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", b"\xff\0\0"), (b"IDAT", zlib.compress(b"\0\0\x80")), (b"IEND", b"")]
    data = SIGNATURE + b"".join(raw_files.make_png_chunk(*chunk) for chunk in chunks)
    assert get_colors(render(data, EMPTY, LIMITS)) == [(255, 0, 0), (0, 0, 0)]
