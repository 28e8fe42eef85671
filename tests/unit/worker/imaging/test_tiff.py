"""TIFF files of every flavor, compared with the pixels that they were written from."""

from itertools import cycle, islice, product
from typing import Any

import pytest
from PIL import Image
from support import tiff_flavors
from support.tiff_files import DEFLATE, FLOAT, LZW, NONE, PACK_BITS, SIGNED, UNSIGNED, TiffFile
from support.tiff_flavors import HEIGHT, WIDTH, Colors, make_rows, write_flavor

from shared.errors import (
    CorruptImage,
    ImageError,
    NotAnImage,
    SideTooLong,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFlavor,
)
from worker.imaging import Limits
from worker.imaging.decode import decode as decode_file
from worker.imaging.decode import open_image

LIMITS = Limits(max_bytes=10_000_000, max_pixels=4_000_000, max_side=4_000)
LAYOUTS = list(product("<>", (False, True), (None, (16, 32)), (False, True)))
DEPTHS = [*((bits, UNSIGNED) for bits in (*range(1, 17), 24, 32, 64)), *((bits, SIGNED) for bits in (8, 12, 16, 32)),
          *((bits, FLOAT) for bits in (16, 32, 64))]  # fmt: skip
#: Depths that programs write most, and one that ends within a byte.
FREQUENT = {*((bits, UNSIGNED) for bits in (1, 8, 12, 16)), (16, SIGNED), (32, FLOAT)}
PREDICTED = [(1, 1), (8, 1), (12, 1), (16, 1), (32, 1), (16, 2), (16, 3), (32, 3), (64, 3)]
PREDICTED_COLORS = [
    *(Colors.GRAY, Colors.WHITE_IS_ZERO, Colors.GRAY_ALPHA),
    *(Colors.RGB, Colors.RGB_ALPHA, Colors.RGB_EXTRA, Colors.RGB_EXTRA_ALPHA, Colors.CMYK),
]


def decode(data: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the decoded image and the warnings."""
    decoded = decode_file(open_image(data, LIMITS))
    return decoded.image, decoded.warnings


def measure_error(image: Image.Image, expected: Image.Image) -> float:
    """Return the largest difference of a channel, weighted with alpha."""
    assert (image.mode, image.size) == (expected.mode, expected.size)
    found, wanted = image.convert("RGBA").tobytes(), expected.convert("RGBA").tobytes()
    return max(abs(one - other) * (1 if at % 4 == 3 else wanted[at | 3] / 255)
               for at, (one, other) in enumerate(zip(found, wanted, strict=True)))  # fmt: skip


@pytest.mark.parametrize(
    ("bits", "sample_format"),
    [pytest.param(*each, marks=[] if each in FREQUENT else [pytest.mark.thorough]) for each in DEPTHS],
)
def test_depths_and_layouts(bits: int, sample_format: int) -> None:
    """Every depth in both byte orders, in strips and tiles, in one plane and several, as TIFF and BigTIFF.

    Each kind of colors is written in three of the layouts, all kinds together in all of them.
    """
    layouts = cycle(LAYOUTS)
    for colors in Colors:
        if colors.is_premultiplied and bits < 8:
            continue  # too little remains of dark colors
        for order, big, tile, planar in islice(layouts, 3):
            data, expected = write_flavor(colors, bits, sample_format, order=order, big=big, tile=tile, planar=planar)
            image, warnings = decode(data)
            assert warnings == ()
            assert measure_error(image, expected) <= tiff_flavors.TOLERANCE, (colors, order, big, tile, planar)


@pytest.mark.parametrize("compression", [LZW, DEFLATE, PACK_BITS])
@pytest.mark.parametrize(("bits", "sample_format"), PREDICTED)
def test_compressions_and_predictors(
    compression: int, bits: int, sample_format: int, request: pytest.FixtureRequest
) -> None:
    """Horizontal differencing of integers and floating point, and reversed bits.

    Each kind of colors is written in one of the layouts, and in three with ``--thorough``.
    """
    count = 3 if request.config.getoption("--thorough") else 1
    predictors = [1]
    if compression != PACK_BITS and bits % 8 == 0:
        predictors += [3] if sample_format == FLOAT else [2]
    layouts = cycle(product("<>", (None, (16, 16)), (False, True), (False, True)))
    for colors, predictor in product(PREDICTED_COLORS, predictors):
        for order, tile, planar, reversed_bits in islice(layouts, count):
            data, expected = write_flavor(
                colors,
                bits,
                sample_format,
                order=order,
                tile=tile,
                planar=planar,
                compression=compression,
                predictor=predictor,
                reversed_bits=reversed_bits,
            )
            error = measure_error(decode(data)[0], expected)
            assert error <= tiff_flavors.TOLERANCE, (colors, predictor, order, tile, planar, reversed_bits)


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8, 12, 16])
@pytest.mark.parametrize("highest", [255, 65535])
def test_palettes(bits: int, highest: int) -> None:
    """With color maps of 8 and 16 bits."""
    count = 1 << bits
    entries = [tuple(index * step % count * 255 // (count - 1) for step in (1, 3, 5)) for index in range(count)]
    color_map = [entry[part] * highest // 255 for part in range(3) for entry in entries]
    indexes = [[(x * 7 + y * 5) % count for x in range(WIDTH)] for y in range(HEIGHT)]
    expected = Image.new("RGB", (WIDTH, HEIGHT))
    expected.putdata([entries[index] for row in indexes for index in row])
    layouts = list(product("<>", (None, (16, 16)), (False, True), (NONE, LZW)))
    for order, tile, reversed_bits, compression in layouts if bits < 16 else layouts[-1:]:  # a large palette takes long
        file = TiffFile(rows=[[[index] for index in row] for row in indexes], bits=bits, photometric=3, order=order,
                        tile=tile, reversed_bits=reversed_bits, compression=compression,
                        tags={320: (3, color_map)})  # fmt: skip
        assert measure_error(decode(file.encode())[0], expected) == 0


def test_palette_without_colors_is_corrupt() -> None:
    """The color map is required."""
    with pytest.raises(CorruptImage):
        decode(TiffFile(rows=make_rows(Colors.GRAY, 8, UNSIGNED), photometric=3).encode())


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (1, 2)])
@pytest.mark.parametrize("compression", [NONE, LZW, DEFLATE])
def test_subsampled_colors(subsampling: tuple[int, int], compression: int) -> None:
    """YCbCr without JPEG compression. The chroma of the scene changes slowly."""
    data, expected = tiff_flavors.write_ycbcr(subsampling, compression)
    assert measure_error(decode(data)[0], expected) <= 4


@pytest.mark.parametrize("photometric", [8, 9])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [False, True])
def test_lab_colors(photometric: int, bits: int, *, planar: bool) -> None:
    """CIELab has signed and ICCLab has unsigned a and b. The neutral axis is gray."""
    for lightness, level in ((0, 0), (53.585, 128), (100, 255)):
        whole = 100 if photometric == 8 or bits == 8 else 100 * 65535 / 65280
        stored = round(lightness / whole * ((1 << bits) - 1))
        center = 0 if photometric == 8 else 1 << bits - 1
        file = TiffFile(rows=[[[stored, center, center]] * 4] * 4, bits=bits, photometric=photometric, planar=planar)
        pixel = decode(file.encode())[0].convert("RGB").getpixel((0, 0))
        assert all(abs(value - level) <= 2 for value in pixel), pixel  # type: ignore[union-attr] # RGB
    unit = 1 if bits == 8 else 256
    red = [round(53.24 * 255 / 100 * unit), 80 * unit + center, 67 * unit + center]
    file = TiffFile(rows=[[red] * 4] * 4, bits=bits, photometric=photometric, planar=planar)
    pixel = decode(file.encode())[0].convert("RGB").getpixel((0, 0))
    assert pixel[0] > 240  # type: ignore[index] # RGB
    assert max(pixel[1:]) < 45  # type: ignore[index] # RGB


def test_cmyk_with_alpha() -> None:
    """Alpha is kept."""
    rows = [[[0, 0, 0, 0, 255], [255, 0, 0, 0, 100], [0, 0, 0, 255, 0]]]
    image, _ = decode(TiffFile(rows=rows, photometric=5, extra_samples=(2,)).encode())
    assert image.mode == "RGBA"
    assert [image.getpixel((x, 0)) for x in range(2)] == [(255, 255, 255, 255), (0, 255, 255, 100)]
    assert image.getpixel((2, 0))[3] == 0  # type: ignore[index] # RGBA


def test_alpha_can_be_any_extra_sample() -> None:
    """The first extra sample here is unspecified."""
    rows = [[[10, 20, 30, 77, 128]] * 3]
    image, _ = decode(TiffFile(rows=rows, photometric=2, extra_samples=(0, 2)).encode())
    assert image.getpixel((0, 0)) == (10, 20, 30, 128)


FLOATS = [0.0, 0.25, 0.5, 1.0]


@pytest.mark.parametrize(
    ("values", "levels", "warning"),
    [
        (FLOATS, [0, 64, 128, 255], None),
        ([*FLOATS, -0.5], [0, 64, 128, 255, 0], None),
        ([*FLOATS, 5.0], [0, 64, 128, 255, 255], "Floating-point values above 1 were cut to white."),
        ([*FLOATS, float("nan"), float("inf")], [0, 64, 128, 255, 0, 255], "Floating-point values above 1 were cut to"),
        ([0.0, 64.0, 128.0, 255.0], [0, 64, 128, 255], "not between 0 and 1. The range from 0 (black) to 255 (white)"),
        ([float("nan"), 64.0, 128.0, 255.0], [0, 64, 128, 255], "The range from 0 (black) to 255 (white)"),
        ([-1000.0, 0.0, 1000.0, 1000.0], [0, 128, 255, 255], "The range from -1000 (black) to 1000 (white)"),
        ([0.0, 0.0, 0.0, 0.0], [0, 0, 0, 0], None),
    ],
)
@pytest.mark.parametrize("bits", [16, 32, 64])
def test_range_of_floating_point(values: list[float], levels: list[int], warning: str | None, bits: int) -> None:
    """0 to 1, unless most values contradict that. Nothing is changed in silence."""
    file = TiffFile(rows=[[[value] for value in values]], bits=bits, sample_format=FLOAT)
    image, warnings = decode(file.encode())
    assert list(image.tobytes()) == levels
    assert [part for part in warnings if warning is None or warning not in part] == []
    assert bool(warnings) == bool(warning)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    """The result is upright."""
    original = Image.frombytes("L", (4, 2), bytes(range(0, 80, 10)))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = original if orientation == 1 else original.transpose(Image.Transpose(undo[orientation]))
    levels = stored.tobytes()
    rows = [[[257 * level] for level in levels[at : at + stored.width]] for at in range(0, len(levels), stored.width)]
    wide = TiffFile(rows=rows, bits=16, tags={274: (3, (orientation,))})
    image, _ = decode(wide.encode())
    assert image.tobytes() == original.tobytes()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ({"compression": 34887}, "LERC"),
        ({"compression": 50001}, "WebP"),
        ({"compression": 33003}, "JPEG 2000"),
        ({"compression": 34676}, "LogLuv"),
        ({"compression": 6}, "old-style JPEG"),
        ({"compression": 12345}, "number 12345"),
        ({"photometric": 32803}, "camera sensor"),
        ({"photometric": 34892}, "camera sensor"),
        ({"photometric": 32844}, "LogL"),
        ({"photometric": 4}, "mask"),
        ({"photometric": 77}, "number 77"),
        ({"sample_format": 6, "bits": 64}, "complex"),
        ({"sample_format": 5, "bits": 32}, "complex"),
        ({"sample_format": FLOAT, "bits": 24}, "24-bit floating point"),
        ({"bits": 20}, "20 bits"),
        ({"predictor": 9, "compression": DEFLATE}, "predictor 9"),
        ({"predictor": 2, "compression": DEFLATE, "bits": 12}, "predictor 2 for RGB colors of 12 bits"),
        ({"predictor": 3, "compression": DEFLATE}, "predictor 3"),
        ({"tags": {50706: (1, (1, 4, 0, 0))}}, "DNG"),
        ({"tags": {258: (3, (5, 6, 5))}}, "5, 6, 5 bits"),
        ({"compression": 4, "bits": 8}, "fax"),
        ({"compression": 7, "bits": 16}, "JPEG compression"),
        ({"compression": 7, "planar": True}, "separate planes"),
    ],
)
def test_unsupported_flavors_are_named(file: dict[str, Any], name: str) -> None:
    """The error says what to do instead."""
    usual: dict[str, Any] = {"rows": [[[1, 2, 3]] * 8] * 8, "photometric": 2, "strips": [bytes(4000)] * 6}
    if name == "fax":
        usual["rows"] = [[[1]] * 8] * 8
        usual["photometric"] = 1
    with pytest.raises(UnsupportedFlavor, match=name) as raised:
        decode(TiffFile(**{**usual, **file}).encode())
    assert "Convert the file" in raised.value.detail or "Export the photo" in raised.value.detail


def test_camera_raw_files_are_named() -> None:
    """A CR2 file is a TIFF whose first page is a preview."""
    data = bytearray(TiffFile(rows=[[[1]] * 8] * 8, tags={700: (7, bytes(40))}).encode())
    with pytest.raises(UnsupportedFlavor, match="CR2"):
        decode(b"II*\0\x10\0\0\0CR\x02\0" + bytes(4) + bytes(data[8:]))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"tags": {256: (4, (0,))}}, CorruptImage),
        ({"tags": {256: (4, (5000,))}}, SideTooLong),
        ({"tags": {256: (4, (3000,)), 257: (4, (3000,))}, "rows_per_strip": 3000}, TooManyPixels),
        ({"tags": {278: (4, (1,))}}, CorruptImage),
        ({"tags": {277: (3, (1,))}, "photometric": 2}, CorruptImage),
        ({"tile": (16, 16), "tags": {322: (4, (4016,))}}, SideTooLong),
        ({"compression": LZW, "strips": [b"\xff" * 50] * 2}, CorruptImage),
        ({"compression": DEFLATE, "bits": 12, "strips": [b"\xff" * 50] * 2}, CorruptImage),
    ],
)
def test_damaged_files(change: dict[str, Any], error: type[ImageError]) -> None:
    """Each has the code of its fault."""
    usual: dict[str, Any] = {"rows": [[[9]] * 10] * 10}
    with pytest.raises(error):
        decode(TiffFile(**{**usual, **change}).encode())


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("compression", [NONE, LZW, DEFLATE])
@pytest.mark.parametrize("big", [False, True])
def test_incomplete_files_are_called_truncated(bits: int, compression: int, *, big: bool) -> None:
    """At any place after the first offset."""
    data = TiffFile(rows=make_rows(Colors.GRAY, bits, UNSIGNED), bits=bits, compression=compression, big=big).encode()
    for end in range(20 if big else 12, len(data) - 8, 7):  # a missing checksum or end marker is accepted
        with pytest.raises(TruncatedImage):
            decode(data[:end])


@pytest.mark.parametrize(
    "data", [b"II*\0\4\0\0\0" + bytes(50), b"MM\0+\0\7\0\0" + bytes(50), b"II*\0\x08\0\0\0" + bytes(50)]
)
def test_file_with_only_the_signature_is_no_image(data: bytes) -> None:
    """It has no tags."""
    with pytest.raises(NotAnImage):
        decode(data)


def test_value_outside_of_the_file_costs_only_its_tag() -> None:
    """A color profile at an offset beyond the end is left out."""
    file = TiffFile(rows=[[[9]] * 10] * 10, tags={34675: (4, (0x7FFFFFF0,))}).encode()
    entry = file.index(b"\x73\x87\x04\0\1\0\0\0")
    damaged = file[: entry + 2] + b"\x07\0\x40\0\0\0" + file[entry + 8 :]
    image, warnings = decode(damaged)
    assert (image.getpixel((0, 0)), warnings) == (9, ())
