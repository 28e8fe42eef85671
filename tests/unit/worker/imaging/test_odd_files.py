"""Unusual but acceptable files: damaged EXIF, broken pages, large tiles, a transparent color."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from support import hostile_files, raw_files, sample_images

from shared.errors import CorruptImage, SideTooLong, TooManyPixels
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult, render

LIMITS = Limits(max_bytes=10_000_000, max_pixels=4_000_000, max_side=4_000)
KEEP_COPYRIGHT = Pipeline.model_validate({"outputs": [{"format": "png", "keep": ["copyright"]}]})
DAMAGED_EXIF_WARNING = "The EXIF data is damaged and was ignored."
WITH_EXIF = ("JPEG", "PNG", "WEBP", "TIFF")
GRAY, COLOR, PALETTE = (Image.linear_gradient("L").resize((16, 16)).convert(mode) for mode in ("L", "RGB", "P"))

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damaged metadata


def decode_output(rendered: RenderResult) -> Image.Image:
    """Decode the first output."""
    return sample_images.decode(rendered.outputs[0][1].data)


def make_foreign_profile() -> bytes:
    """Return a color profile that is not recognized as sRGB."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


def make_exif(orientation: int = 6) -> bytes:
    """Return valid EXIF."""
    block = Image.Exif()
    block.update({0x0112: orientation, 0x8298: "Ann", 0x013B: "Bob"})
    block.get_ifd(0x8769).update({0x9003: "2026:01:01 00:00:00", 0x927C: b"maker's note"})
    block.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return block.tobytes()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "damaged",
    [b"Exif\0\0no directory at all", b"Exif\0\0II*\0\x08", b"Exif\0\0XX*\0\x08\0\0\0\1\0"],
)
def test_damaged_exif_gives_a_warning(image_format: str, damaged: bytes) -> None:
    """The image is processed as if it had no EXIF."""
    result = render(
        sample_images.encode(sample_images.draw_scene(), image_format, exif=damaged), KEEP_COPYRIGHT, LIMITS
    )
    assert result.warnings == (DAMAGED_EXIF_WARNING,)
    assert decode_output(result).size == (64, 48)


@pytest.mark.parametrize("tag", [0x8769, 0x8825, 0xA005])
@pytest.mark.parametrize("kind", [2, 4, 7, 12])
def test_damaged_tiff_directories_are_ignored(tag: int, kind: int) -> None:
    """Invalid pointers to further directories don't fail the image."""
    result = render(hostile_files.tiff((tag, kind, 1, 0x7FFFFFF0)), KEEP_COPYRIGHT, LIMITS)
    assert decode_output(result).size == (8, 8)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), image_format=st.sampled_from(WITH_EXIF))
def test_image_survives_any_damage_of_its_exif(data: st.DataObject, image_format: str) -> None:
    """Only the orientation may differ."""
    valid = bytearray(make_exif())
    if image_format == "TIFF":
        file = bytearray(sample_images.encode(sample_images.draw_scene(), "TIFF", exif=bytes(valid)))
        start, end = Image.open(BytesIO(file)).tag_v2[0x8769], file.index(b"2026:01:01") + 20  # type: ignore[attr-defined] # a TIFF
        for at in data.draw(st.lists(st.integers(start, end), max_size=8)):
            file[at] = data.draw(st.integers(0, 255))
    else:
        for at in data.draw(st.lists(st.integers(6, len(valid) - 1), max_size=8)):
            valid[at] = data.draw(st.integers(0, 255))
        del valid[data.draw(st.integers(6, len(valid))) :]
        file = bytearray(sample_images.encode(sample_images.draw_scene(), image_format, exif=bytes(valid)))
    assert sorted(decode_output(render(bytes(file), KEEP_COPYRIGHT, LIMITS)).size) == [48, 64]


def test_broken_second_page_gives_a_warning() -> None:
    """The first page of the TIFF is processed."""
    for following in (300, 0x7FFFFFF0):
        broken = bytearray(hostile_files.tiff(following=following))
        broken[300:320] = b"\xff" * 20
        result = render(bytes(broken), KEEP_COPYRIGHT, LIMITS)
        assert result.warnings == ("Only the first page of the file was processed.",)
        assert decode_output(result).size == (8, 8)


@pytest.mark.parametrize(("side", "error"), [(3_000, TooManyPixels), (40_000, SideTooLong)])
def test_large_tiles_are_refused_before_decoding(side: int, error: type[Exception]) -> None:
    """A tile is decoded at once, so it counts like an image of its size."""
    with pytest.raises(error):
        render(hostile_files.tiff_of_tiles(side), KEEP_COPYRIGHT, LIMITS)


def test_tile_larger_than_the_image_is_accepted() -> None:
    """A small image in one tile of the usual size is processed."""
    tile = bytes(256 * 256)
    data = hostile_files.tiff((256, 4, 1, 10), (257, 4, 1, 10), (322, 4, 1, 256), (323, 4, 1, 256), (324, 4, 1, 400),
                              (325, 4, 1, len(tile)))  # fmt: skip
    assert decode_output(render(data + tile, KEEP_COPYRIGHT, LIMITS)).size == (10, 10)


def make_narrow_gray_png(bits: int, values: list[int], key: int) -> bytes:
    """Return a gray PNG of one row, with less than 8 bits per pixel and one transparent value."""
    row = sum(value << (8 - bits * (at + 1)) for at, value in enumerate(values))
    header = struct.pack(">IIBBBBB", len(values), 1, bits, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, row]))
    chunks = ((b"IHDR", header), (b"tRNS", struct.pack(">H", key)), (b"IDAT", pixels), (b"IEND", b""))
    return hostile_files.PNG_SIGNATURE + b"".join(raw_files.make_png_chunk(*chunk) for chunk in chunks)


def make_16_bit_png(pixels: list[list[int]], key: list[int]) -> bytes:
    """Return a PNG of one row, with 16 bits per channel and one transparent color."""
    return raw_files.make_png([pixels], 16, chunks=[(b"tRNS", struct.pack(f">{len(key)}H", *key))])


PNGS_WITH_TRANSPARENT_COLOR: dict[str, bytes] = {
    "gray, 1 bit": make_narrow_gray_png(1, [1, 0, 0, 0, 0, 0, 0, 0], 1),
    "gray, 2 bits": make_narrow_gray_png(2, [1, 0, 2, 3], 1),
    "gray, 4 bits": make_narrow_gray_png(4, [5, 10], 5),
    "gray, 8 bits": sample_images.encode(Image.frombytes("L", (2, 1), b"\5\6"), "PNG", transparency=5),
    "gray, 16 bits": make_16_bit_png([[0x050A], [0x050B]], [0x050A]),
    "RGB, 8 bits": sample_images.encode(Image.frombytes("RGB", (2, 1), b"\1\2\3\4\5\6"), "PNG", transparency=(1, 2, 3)),
    "RGB, 16 bits": make_16_bit_png([[1, 2, 3], [0x4444, 0x5555, 0x6666]], [1, 2, 3]),
    "palette": sample_images.encode(PALETTE, "PNG", transparency=PALETTE.getpixel((0, 0))),
}


@pytest.mark.parametrize("with_profile", [False, True])
@pytest.mark.parametrize("name", PNGS_WITH_TRANSPARENT_COLOR)
def test_transparent_color_of_a_png_stays_transparent(name: str, with_profile: bool) -> None:
    """At any bit depth, with and without a color profile, the first pixel is transparent and another is not."""
    data = PNGS_WITH_TRANSPARENT_COLOR[name]
    if with_profile:
        profile = raw_files.make_png_chunk(b"iCCP", b"test\0\0" + zlib.compress(make_foreign_profile()))
        data = data[:33] + profile + data[33:]
    for operations in ((), ({"op": "grayscale"},)):
        pipeline = Pipeline.model_validate({"operations": operations})
        alpha = decode_output(render(data, pipeline, LIMITS)).convert("RGBA").getchannel("A")
        assert alpha.getpixel((0, 0)) == 0
        assert alpha.getextrema() == (0, 255)


def list_longest_sizes(image_format: str) -> list[tuple[int, int]]:
    """Return the longest allowed sizes of results."""
    return [(10_000, 3), (3, 10_000)] if image_format != "gif" else [(10_000, 2), (2, 10_000)]


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp", "avif", "gif", "tiff"])
def test_every_format_supports_the_longest_result(image_format: str) -> None:
    """The limit of results is below the limit of every format (WebP 16,383, JPEG 65,500)."""
    limits = Limits(max_bytes=10_000_000, max_pixels=4_000_000, max_side=20_000)
    output: dict[str, Any] = {"format": image_format}
    for size in list_longest_sizes(image_format):
        data = sample_images.encode(Image.new("RGB", size, (9, 9, 9)), "PNG")
        result = render(data, Pipeline.model_validate({"output": output}), limits)
        assert decode_output(result).size == size
    too_long = sample_images.encode(Image.new("L", (16_384, 1)), "PNG")
    with pytest.raises(SideTooLong):
        render(too_long, Pipeline.model_validate({"output": output}), limits)


@pytest.mark.parametrize(("box", "damaged"), [(b"ispe\0", b"ispe\1"), (b"pixi\0", b"pixi\1")])
def test_a_damaged_avif_is_called_damaged(box: bytes, damaged: bytes) -> None:
    """The decoder says only that it does not know the format."""
    data = sample_images.encode(Image.new("RGB", (8, 8)), "AVIF").replace(box, damaged, 1)
    with pytest.raises(CorruptImage):
        render(data, Pipeline(), LIMITS)
