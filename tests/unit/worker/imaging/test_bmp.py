"""BMP files of every header, depth, mask and compression, compared with the pixels that they were written from."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image, ImageCms
from support import sample_images
from support.bmp_files import BmpFile, pack_rows, place_in_masks

from shared.errors import CorruptImage, ImageError, SideTooLong, TruncatedImage, UnsupportedFlavor
from shared.pipeline.image_formats import BMP, detect_format
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render

#: Pixels by row.
Rows = Sequence[Sequence[tuple[int, ...]]]
LIMITS = Limits(max_bytes=10_000_000, max_pixels=4_000_000, max_side=4_000)
PNG = Pipeline.model_validate({"outputs": [{"format": "png"}]})
WIDTH, HEIGHT = 7, 5
#: Red, green, blue and alpha of each pixel.
PIXELS = [[(x * 42, y * 63, 255 - x * 36, 40 + x * 5 + y * 40) for x in range(WIDTH)] for y in range(HEIGHT)]
OPAQUE = [[(*pixel[:3], 255) for pixel in row] for row in PIXELS]
PALETTE = [
    (0, 0, 0),
    (255, 0, 0),
    (0, 255, 0),
    (40, 90, 255),
    *[(index, 3 * index % 256, 7) for index in range(4, 256)],
]
INDEXES = [[(x + 2 * y) % 4 for x in range(WIDTH)] for y in range(HEIGHT)]


def decode(data: bytes) -> Image.Image:
    """Render a file without operations and return the result as RGBA."""
    assert detect_format(data) is BMP
    return sample_images.decode(render(data, PNG, LIMITS).outputs[0][1].data).convert("RGBA")


def list_rows(image: Image.Image) -> Rows:
    """Return the pixels by row."""
    pixels = [tuple(image.tobytes()[at : at + 4]) for at in range(0, 4 * image.width * image.height, 4)]
    return [pixels[at : at + image.width] for at in range(0, len(pixels), image.width)]


def assert_similar(found: Rows, expected: Rows, tolerance: int) -> None:
    """Compare all channels."""
    worst = max(abs(a - b) for ours, theirs in zip(found, expected, strict=True)
                for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other, strict=True))  # fmt: skip
    assert worst <= tolerance


def write_masks(masks: tuple[int, ...], bits: int, header_bytes: int = 124, compression: int = 3, **more: Any) -> bytes:
    """Return a file whose pixels are ``PIXELS`` in these masks."""
    rows = [[place_in_masks(pixel, masks) for pixel in row] for row in PIXELS]
    body = pack_rows(rows, bits, top_down=bool(more.get("top_down")))
    return BmpFile(width=WIDTH, height=HEIGHT, bits=bits, body=body, header_bytes=header_bytes,
                   compression=compression, masks=masks, **more).encode()  # fmt: skip


def write_palette(bits: int, **more: Any) -> bytes:
    """Return a file with a palette."""
    body = pack_rows(INDEXES if bits > 1 else [[value % 2 for value in row] for row in INDEXES], bits)
    return BmpFile(
        width=WIDTH, height=HEIGHT, bits=bits, body=body, **{"palette": PALETTE[: 1 << bits], **more}
    ).encode()


def round_to_mask(value: int, mask: int) -> int:
    """Return a channel with the precision of its mask."""
    highest = (1 << mask.bit_count()) - 1
    return round(round(value * highest / 255) * 255 / highest)


@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, (0x7C00, 0x3E0, 0x1F)),
        (16, (0xF800, 0x7E0, 0x1F)),
        (16, (0xF00, 0xF0, 0xF, 0xF000)),
        (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
        (16, (0xF, 0xF0, 0xF00)),
        (16, (0x1F, 0x7E0, 0xF800)),
        (16, (0xE0, 0x1C, 0x3, 0xFF00)),
        (16, (0x3F0, 0xFC00, 0xF)),
        (24, (0xFF0000, 0xFF00, 0xFF)),
        (24, (0xFF, 0xFF00, 0xFF0000)),
        (32, (0xFF0000, 0xFF00, 0xFF)),
        (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
        (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
        (32, (0xFF00, 0xFF0000, 0xFF000000, 0xFF)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
        (32, (0x3FF, 0xFFC00, 0x3FF00000)),
        (32, (0xFC000000, 0x3E00000, 0x1FC000)),
        (32, (0xFFF, 0x7FF000, 0x1F800000, 0xE0000000)),
    ],
)
@pytest.mark.parametrize("top_down", [False, True])
def test_bit_fields(bits: int, masks: tuple[int, ...], *, top_down: bool) -> None:
    """Every contiguous mask, in a V5 header. A channel has the precision of its mask."""
    found = list_rows(decode(write_masks(masks, bits, top_down=top_down)))
    original = PIXELS if len(masks) == 4 else OPAQUE
    expected = [[tuple(map(round_to_mask, pixel, (*masks, 0xFF))) for pixel in row] for row in original]
    assert_similar(found, expected, 1)


@pytest.mark.parametrize(
    ("header_bytes", "compression", "masks", "expected"),
    [
        (40, 0, (), OPAQUE),  # as in browsers, the fourth byte is no alpha
        (56, 0, (), OPAQUE),
        (40, 3, (0xFF0000, 0xFF00, 0xFF), OPAQUE),
        (52, 3, (0xFF0000, 0xFF00, 0xFF), OPAQUE),
        (40, 6, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), PIXELS),
        (56, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), PIXELS),
        (108, 3, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), PIXELS),
        (108, 0, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), PIXELS),
        (124, 0, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), PIXELS),
        (124, 0, (0, 0, 0, 0), OPAQUE),
    ],
)
def test_alpha_of_32_bits(header_bytes: int, compression: int, masks: tuple[int, ...], expected: Rows) -> None:
    """The header decides whether the fourth byte is alpha."""
    rows = [[place_in_masks(pixel, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)) for pixel in row] for row in PIXELS]
    file = BmpFile(width=WIDTH, height=HEIGHT, bits=32, body=pack_rows(rows, 32), header_bytes=header_bytes,
                   compression=compression, masks=masks)  # fmt: skip
    assert list_rows(decode(file.encode())) == expected


@pytest.mark.parametrize("masks", [(0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
                                   (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000), (0, 0, 0, 0)])  # fmt: skip
@pytest.mark.parametrize("header_bytes", [56, 108, 124])
def test_alpha_that_is_zero_everywhere_means_opaque(header_bytes: int, masks: tuple[int, ...]) -> None:
    """One pixel with another alpha makes the others transparent."""
    colors = masks[:3] if any(masks) else (0xFF0000, 0xFF00, 0xFF)
    rows = [[place_in_masks(pixel, colors) for pixel in row] for row in PIXELS]

    def encode() -> bytes:
        body = pack_rows(rows, 32)
        return BmpFile(width=WIDTH, height=HEIGHT, bits=32, body=body, header_bytes=header_bytes, compression=3,
                       masks=masks).encode()  # fmt: skip

    assert_similar(list_rows(decode(encode())), OPAQUE, 1)
    rows[0][0] |= 0xC0000000
    found = decode(encode())
    assert found.getpixel((0, 0))[3] > 190  # type: ignore[index] # RGBA
    assert found.getpixel((1, 0))[3] == 0  # type: ignore[index] # RGBA


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("header_bytes", [12, 16, 40, 64, 108, 124])
def test_palettes(bits: int, header_bytes: int) -> None:
    """In the headers of Windows and OS/2."""
    indexes = INDEXES if bits > 1 else [[value % 2 for value in row] for row in INDEXES]
    expected = [[(*PALETTE[index], 255) for index in row] for row in indexes]
    assert list_rows(decode(write_palette(bits, header_bytes=header_bytes))) == expected


def test_palette_with_few_entries() -> None:
    """Entries that the palette lacks are black."""
    file = BmpFile(width=3, height=1, bits=8, body=bytes((1, 2, 200, 0)), palette=PALETTE[:3])
    assert list_rows(decode(file.encode())) == [[(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 0, 255)]]


@pytest.mark.parametrize(
    ("bits", "levels"), [(1, (255, 0)), (4, tuple(range(240, -1, -16))), (8, tuple(range(255, -1, -1)))]
)
def test_gray_palettes_stay_gray(bits: int, levels: tuple[int, ...]) -> None:
    """In any order of the entries."""
    data = write_palette(bits, palette=[(level,) * 3 for level in levels])
    image = sample_images.decode(render(data, PNG, LIMITS).outputs[0][1].data)
    assert image.mode == "L"
    assert image.getpixel((0, 0)) == levels[0]


def run(*parts: int) -> bytes:
    """Return the bytes of runs."""
    return bytes(parts)


RED, GREEN, BLUE = ((*PALETTE[index], 255) for index in (1, 2, 3))
GAP = (0, 0, 0, 255)


@pytest.mark.parametrize(
    ("bits", "compression", "body"),
    [
        (8, 1, run(4, 1, 0, 0, 0, 4, 1, 2, 3, 1, 0, 1)),
        (8, 1, run(9, 1, 0, 0, 0, 3, 1, 2, 3, 0, 1, 1, 0, 0)),  # the first run exceeds the row
        (8, 1, run(4, 1, 0, 0, 0, 4, 1, 2, 3, 1)),  # no end marker, but all pixels
        (4, 2, run(4, 0x11, 0, 0, 0, 4, 0x12, 0x31, 0, 1)),
        (4, 2, run(4, 0x11, 0, 0, 2, 0x12, 1, 0x33, 1, 0x11, 0, 0)),
    ],
)
def test_runs(bits: int, compression: int, body: bytes) -> None:
    """RLE4 and RLE8 with encoded and absolute runs, from the lower left pixel."""
    file = BmpFile(width=4, height=2, bits=bits, body=body, compression=compression, palette=PALETTE[:16])
    assert list_rows(decode(file.encode())) == [[RED, GREEN, BLUE, RED], [RED] * 4]


def test_runs_that_end_early() -> None:
    """The data ends before the end marker and before the last pixels."""
    file = BmpFile(width=4, height=2, bits=8, body=run(4, 1, 0, 0, 2, 3), compression=1, palette=PALETTE[:16])
    with pytest.raises(TruncatedImage):
        decode(file.encode())


@pytest.mark.parametrize(
    ("bits", "compression", "body"),
    [
        (8, 1, run(2, 1, 0, 2, 1, 1, 1, 3, 0, 1)),
        (4, 2, run(2, 0x11, 0, 2, 1, 1, 1, 0x33, 0, 1)),
        (8, 1, run(2, 1, 0, 0, 0, 2, 3, 0, 1, 3, 0, 1)),
    ],
)
def test_pixels_that_runs_skip_are_black(bits: int, compression: int, body: bytes) -> None:
    """As in Chromium, whatever the first color of the palette is."""
    file = BmpFile(
        width=4, height=2, bits=bits, body=body, compression=compression, palette=[(9, 9, 9), *PALETTE[1:16]]
    )
    assert list_rows(decode(file.encode())) == [[GAP, GAP, GAP, BLUE], [RED, RED, GAP, GAP]]


def test_runs_of_colors() -> None:
    """RLE24 of OS/2."""
    body = run(2, 0, 0, 255, 1, 255, 90, 40, 0, 0, 0, 3, 0, 0, 255, 0, 255, 0, 255, 90, 40, 0, 0, 1)
    file = BmpFile(width=3, height=2, bits=24, body=body, header_bytes=64, compression=4)
    assert list_rows(decode(file.encode())) == [[RED, GREEN, BLUE], [RED, RED, BLUE]]


def test_top_down_runs() -> None:
    """The first run is in the upper row."""
    body = run(2, 1, 0, 0, 2, 2, 0, 1)
    file = BmpFile(width=2, height=2, bits=8, body=body, compression=1, palette=PALETTE, top_down=True)
    assert list_rows(decode(file.encode())) == [[RED] * 2, [GREEN] * 2]


def test_missing_padding_of_the_last_row() -> None:
    """Some programs omit it."""
    data = write_masks((0xFF0000, 0xFF00, 0xFF), 24)
    assert list_rows(decode(data[:-3])) == OPAQUE
    with pytest.raises(TruncatedImage):
        decode(data[:-4])


def test_embedded_color_profile_is_applied() -> None:
    """A V5 header can refer to a profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    rows = [[place_in_masks(pixel, (0xFF0000, 0xFF00, 0xFF)) for pixel in row] for row in PIXELS]
    file = BmpFile(width=WIDTH, height=HEIGHT, bits=24, body=pack_rows(rows, 24), header_bytes=124, profile=profile)
    assert render(file.encode(), PNG, LIMITS).warnings == ("The color profile can't be used and was ignored.",)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (BmpFile(width=8, height=8, bits=0, body=b"\xff\xd8\xff", compression=4), "JPEG"),
        (BmpFile(width=8, height=8, bits=0, body=b"\x89PNG", compression=5), "PNG"),
        (BmpFile(width=8, height=8, bits=32, body=bytes(256), compression=11), "CMYK"),
        (BmpFile(width=8, height=8, bits=8, body=bytes(64), compression=12), "CMYK"),
        (BmpFile(width=8, height=8, bits=64, body=bytes(512)), "64 bits"),
        (BmpFile(width=8, height=8, bits=1, body=bytes(32), header_bytes=64, compression=3), "Huffman"),
    ],
)
def test_unsupported_variants_are_named(file: BmpFile, name: str) -> None:
    """The error says what to do instead."""
    with pytest.raises(UnsupportedFlavor, match=name) as raised:
        decode(file.encode())
    assert raised.value.detail.count(".") == 2


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"bits": 3}, CorruptImage),
        ({"compression": 9}, CorruptImage),
        ({"compression": 1}, CorruptImage),
        ({"width": 0}, CorruptImage),
        ({"width": -4}, CorruptImage),
        ({"height": 0}, CorruptImage),
        ({"compression": 3, "masks": (0xF0F000, 0xFF00, 0xFF)}, CorruptImage),
        ({"compression": 3, "masks": (0xFF00, 0xFF, 0xFF0000), "bits": 16}, CorruptImage),
        ({"height": 5000}, SideTooLong),
        ({"height": 100}, TruncatedImage),
    ],
)
def test_damaged_headers(change: dict[str, Any], error: type[ImageError]) -> None:
    """Each has the code of its fault."""
    usual: dict[str, Any] = {"width": 4, "height": 4, "bits": 24, "body": bytes(48)}
    with pytest.raises(error):
        decode(BmpFile(**{**usual, **change}).encode())


def test_header_that_ends_early() -> None:
    """At any byte."""
    data = write_masks((0xF00, 0xF0, 0xF), 16, header_bytes=40)
    for end in range(18, len(data) - 2):  # the last row has two bytes of padding
        with pytest.raises(TruncatedImage):
            render(data[:end], PNG, LIMITS)


def test_largest_negative_height_exceeds_the_limit() -> None:
    """The height can't be negated within 32 bits."""
    data = bytearray(write_palette(8))
    data[22:26] = struct.pack("<i", -(2**31))
    with pytest.raises(SideTooLong):
        decode(bytes(data))
