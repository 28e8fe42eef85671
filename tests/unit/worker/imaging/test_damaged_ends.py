"""Image data whose end is damaged, although all pixels are there: only the pixels can fail an image."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageChops
from support import raw_files, sample_images
from support.animation_files import Drawn, make_apng, make_chunk, split_png
from support.played import render_animation
from support.rendered_pngs import EMPTY, LIMITS

from shared.errors import ImageError, TruncatedImage
from shared.pipeline.pipeline import Pipeline
from worker.imaging import RenderResult, render

WARNING = "The end of the image data is damaged or missing, but all pixels are there."
SCENE = sample_images.draw_scene().resize((61, 47))
ROWS = [[list(SCENE.getpixel((x, y))) for x in range(61)] for y in range(47)]  # type: ignore[arg-type] # RGB


def decode_output(result: RenderResult) -> Image.Image:
    """Return the first output in RGB."""
    return sample_images.decode(result.outputs[0][1].data).convert("RGB")


def is_equal(first: Image.Image, second: Image.Image) -> bool:
    """Return True if all pixels are equal."""
    return ImageChops.difference(first, second).getbbox() is None


def split_stream(data: bytes) -> tuple[bytes, bytes]:
    """Return the header of a PNG up to the pixels, and its zlib stream."""
    at = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, at - 4)
    return data[: at - 4], data[at + 4 : at + 4 + length]


def join(head: bytes, *streams: bytes, end: bytes = b"\0\0\0\0IEND\xaeB`\x82") -> bytes:
    """Return a PNG with one IDAT chunk for each part of the stream."""
    return head + b"".join(make_chunk(b"IDAT", stream) for stream in streams) + end


def list_damaged_pngs(whole: bytes) -> dict[str, bytes]:
    """Return variants of a PNG that have all pixels."""
    head, stream = split_stream(whole)
    raw = zlib.decompress(stream)
    cut = join(head, stream[:90], stream[90:])
    return {
        "wrong Adler-32": join(head, stream[:-1] + bytes([stream[-1] ^ 1])),
        "Adler-32 missing": join(head, stream[:-4]),
        "second chunk cut within the checksum": cut[: cut.rindex(b"IEND") - 4 - 7],
        "more rows": join(head, zlib.compress(raw + bytes(5000))),
        "one more byte": join(head, zlib.compress(raw + b"\0")),
        "invalid codes after the pixels": join(head, make_stream(raw) + b"\xff" * 20),
        "another stream after the pixels": join(head, stream, stream),
        "IEND damaged": join(head, stream, end=b"\0\0\0\1IEND"),
        "no end of the stream": join(head, make_stream(raw)),
    }


def make_stream(raw: bytes) -> bytes:
    """Return a zlib stream that has all bytes and no last block."""
    compressor = zlib.compressobj()
    return compressor.compress(raw) + compressor.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("damage", list_damaged_pngs(raw_files.make_png(ROWS, 8)))
def test_png_with_all_pixels_is_processed(damage: str, interlaced: bool) -> None:
    """The result has every pixel, and a warning unless the damage has no effect at all."""
    data = list_damaged_pngs(raw_files.make_png(ROWS, 8, interlaced=interlaced))[damage]
    result = render(data, EMPTY, LIMITS)
    assert is_equal(decode_output(result), SCENE)
    assert result.warnings in {(), (WARNING,)}


@pytest.mark.parametrize("damage", ["wrong Adler-32", "invalid codes after the pixels"])
@pytest.mark.parametrize("bits", [8, 16])
def test_damaged_end_of_a_png_gives_a_warning(damage: str, bits: int) -> None:
    """Whatever the depth."""
    rows = [[[value * (257 if bits == 16 else 1) for value in pixel] for pixel in row] for row in ROWS]
    result = render(list_damaged_pngs(raw_files.make_png(rows, bits))[damage], EMPTY, LIMITS)
    assert is_equal(decode_output(result), SCENE)
    assert result.warnings == (WARNING,)


def test_png_whose_last_pixel_is_missing_fails() -> None:
    """Nothing is invented."""
    head, stream = split_stream(raw_files.make_png(ROWS, 8))
    raw = zlib.decompress(stream)
    for data in (join(head, zlib.compress(raw[:-1])), join(head, make_stream(raw[:-1]), end=b"")):
        with pytest.raises(ImageError):
            render(data, EMPTY, LIMITS)


def test_png_with_both_checksums_wrong_fails() -> None:
    """Then the pixels have changed."""
    head, stream = split_stream(raw_files.make_png(ROWS, 8))
    chunk = bytearray(make_chunk(b"IDAT", stream[:-1] + bytes([stream[-1] ^ 1])))
    chunk[-1] ^= 1
    with pytest.raises(ImageError):
        render(head + bytes(chunk) + join(b""), EMPTY, LIMITS)


def test_frame_of_an_apng_with_all_pixels_is_shown() -> None:
    """Frames are damaged in the same ways."""
    frames = [Drawn(image=Image.new("RGBA", (8, 8), color)) for color in ("red", "lime", "blue")]
    chunks = split_png(make_apng((8, 8), frames))
    broken = [
        (kind, content[:-1] + bytes([content[-1] ^ 1]) if number == 5 else content)
        for number, (kind, content) in enumerate(chunks)
    ]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(make_chunk(kind, content) for kind, content in broken)
    played = render_animation(data)
    assert [frame.getpixel((0, 0)) for frame in played.frames] == [(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)]
    assert played.warnings == (WARNING,)


JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "gray": {"mode": "L"},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "progressive gray": {"progressive": True, "mode": "L"},
    "restart intervals": {"restart_marker_blocks": 3},
}


def make_jpeg(kind: str) -> bytes:
    """Return a JPEG."""
    options = dict(JPEGS[kind])
    target = BytesIO()
    SCENE.convert(str(options.pop("mode", "RGB"))).save(target, "JPEG", quality=90, **options)
    return target.getvalue()


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize(
    "end",
    [b"", b"\xff", b"\0" * 9, b"garbage\xff\0" * 200 + b"\xff\xd9", b"\xff\xd8", b"\xff\xc0\0\x03", b"\xff\x00" * 9],
)
def test_jpeg_with_all_pixels_is_processed(kind: str, end: bytes) -> None:
    """The end marker is missing, or anything else is in its place."""
    data = make_jpeg(kind)
    whole = decode_output(render(data, EMPTY, LIMITS))
    result = render(data.removesuffix(b"\xff\xd9") + end, EMPTY, LIMITS)
    assert is_equal(decode_output(result), whole)
    assert result.warnings in {(), (WARNING,)}


@pytest.mark.parametrize("kind", JPEGS)
def test_jpeg_without_an_end_marker_gives_a_warning(kind: str) -> None:
    """Also if it is decoded at a smaller size, or only its luma."""
    data = make_jpeg(kind)
    for operations in ([], [{"op": "resize", "width": 8, "height": 6}, {"op": "grayscale"}]):
        pipeline = Pipeline.model_validate({"operations": operations})
        whole = decode_output(render(data, pipeline, LIMITS))
        result = render(data.removesuffix(b"\xff\xd9"), pipeline, LIMITS)
        assert result.warnings == (WARNING,)
        assert is_equal(decode_output(result), whole)


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("missing", [4, 9, 40])
def test_jpeg_whose_last_pixels_are_missing_fails(kind: str, missing: int) -> None:
    """A progressive JPEG then lacks a part of a scan, which cannot be seen in most pixels."""
    with pytest.raises(TruncatedImage):
        render(make_jpeg(kind)[:-missing], EMPTY, LIMITS)


def test_progressive_jpeg_without_its_last_scan_fails() -> None:
    """Each of its scans is whole."""
    data = make_jpeg("progressive")
    with pytest.raises(TruncatedImage):
        render(data[: data.rindex(b"\xff\xda")], EMPTY, LIMITS)


@pytest.mark.parametrize("kind", JPEGS)
def test_garbage_between_the_segments_of_a_jpeg_is_skipped(kind: str) -> None:
    """Browsers and libjpeg skip it."""
    data = make_jpeg(kind)
    at = data.index(b"\xff\xdb")
    result = render(data[:at] + bytes(range(255)) + data[at:], EMPTY, LIMITS)
    assert is_equal(decode_output(result), decode_output(render(data, EMPTY, LIMITS)))
