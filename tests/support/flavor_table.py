"""The table of docs/fidelity.md: what Pillow alone and Safelight make of variants of TIFF and BMP.

``python -m support.flavor_table`` in the folder ``tests`` writes the table into the page.
"""

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

from PIL import Image
from support.bmp_files import BmpFile, pack_rows, place_in_masks
from support.tiff_files import DEFLATE, FLOAT, LZW, NONE, SIGNED, TiffFile
from support.tiff_flavors import HEIGHT, TOLERANCE, WIDTH, Colors, write_flavor, write_ycbcr

from shared.errors import ImageError
from worker.imaging import Limits
from worker.imaging.color.description import ColorDescription
from worker.imaging.colors import normalize_colors
from worker.imaging.decode import decode, open_image

PAGE: Final = Path(__file__).parents[2] / "docs" / "fidelity.md"
START: Final = "| Variant | Pillow alone | Safelight |\n"
LIMITS: Final = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000)

#: A file and the image that it shows.
Sample = tuple[bytes, Image.Image]


def write_depths(
    colors: Sequence[Colors], depths: Sequence[int], sample_format: int = 1, *, planar: bool = False
) -> Iterator[Sample]:
    """Yield files in both byte orders, uncompressed and with LZW."""
    for kind, bits, order, compression in product(colors, depths, "<>", (NONE, LZW)):
        yield write_flavor(kind, bits, sample_format, order=order, compression=compression, planar=planar)


def write_layouts(**layout: Any) -> Iterator[Sample]:
    """Yield files in RGB with a layout."""
    for order in "<>":
        yield write_flavor(Colors.RGB, 8, 1, order=order, **layout)


def write_float_predictor() -> Iterator[Sample]:
    """Yield files with predictor 3."""
    for colors in (Colors.GRAY, Colors.RGB):
        yield write_flavor(colors, 32, FLOAT, compression=DEFLATE, predictor=3)


def write_palettes(depths: Sequence[int], scale: int, *, reversed_bits: bool = False) -> Iterator[Sample]:
    """Yield files with a palette."""
    for bits, compression in product(depths, (NONE, LZW)):
        count = 1 << bits
        entries = [(at * 255 // (count - 1), 255 - at * 255 // (count - 1), 77) for at in range(count)]
        rows = [[[(x * 7 + y * 5) % count] for x in range(WIDTH)] for y in range(HEIGHT)]
        color_map = [entry[part] * scale for part in range(3) for entry in entries]
        expected = Image.new("RGB", (WIDTH, HEIGHT))
        expected.putdata([entries[pixel[0]] for row in rows for pixel in row])
        file = TiffFile(rows=rows, bits=bits, photometric=3, compression=compression, reversed_bits=reversed_bits,
                        tags={320: (3, color_map)})  # fmt: skip
        yield file.encode(), expected


def write_masks(*masks: int, bits: int, alpha: int, keep_alpha: bool, compression: int = 3) -> Iterator[Sample]:
    """Yield a BMP with a V5 header and masks."""
    rows = [[(x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), 51) for x in range(WIDTH)] for y in range(HEIGHT)]
    body = pack_rows([[place_in_masks((*pixel, alpha), masks) for pixel in row] for row in rows], bits)
    file = BmpFile(
        width=WIDTH, height=HEIGHT, bits=bits, body=body, header_bytes=124, compression=compression, masks=masks
    )
    expected = Image.new("RGB", (WIDTH, HEIGHT))
    expected.putdata(
        [
            tuple(_round(value, mask) for value, mask in zip(pixel, masks[:3], strict=True))
            for row in rows
            for pixel in row
        ]
    )
    if keep_alpha:
        expected.putalpha(_round(alpha, masks[3]))
    yield file.encode(), expected


def _round(value: int, mask: int) -> int:
    highest = (1 << mask.bit_count()) - 1
    return round(round(value * highest / 255) * 255 / highest)


def write_runs() -> Iterator[Sample]:
    """Yield a BMP whose runs skip pixels."""
    file = BmpFile(width=2, height=2, bits=8, body=bytes((1, 1, 0, 0, 2, 0, 0, 1)), compression=1,
                   palette=[(255, 255, 0), (255, 0, 0)])  # fmt: skip
    expected = Image.new("RGB", (2, 2), (255, 255, 0))
    expected.putpixel((0, 1), (255, 0, 0))
    expected.putpixel((1, 1), (0, 0, 0))
    yield file.encode(), expected


def write_small_bmp(bits: int, header_bytes: int) -> Iterator[Sample]:
    """Yield a BMP with a palette of two colors."""
    file = BmpFile(width=2, height=1, bits=bits, body=pack_rows([[0, 1]], bits), header_bytes=header_bytes,
                   palette=[(9, 8, 7), (255, 0, 0)])  # fmt: skip
    expected = Image.new("RGB", (2, 1))
    expected.putdata([(9, 8, 7), (255, 0, 0)])
    yield file.encode(), expected


def write_unsupported(**change: int) -> Iterator[Sample]:
    """Yield a TIFF of an unsupported flavor."""
    usual: dict[str, Any] = {"rows": [[[0]] * 8] * 8, "strips": [bytes(64)] * 2}
    yield TiffFile(**{**usual, **change}).encode(), Image.new("L", (8, 8))


ODD: Final = (3, 5, 6, 7, 9, 10, 11, 13, 14, 15)
GRAYS: Final = (Colors.GRAY, Colors.WHITE_IS_ZERO)
ALPHAS: Final = (Colors.RGB_ALPHA, Colors.RGB_PREMULTIPLIED)
VARIANTS: Final[dict[str, Callable[[], Iterable[Sample]]]] = {
    "TIFF, gray, black or white is zero, 1, 2, 4 or 8 bits": lambda: write_depths(GRAYS, (1, 2, 4, 8)),
    "TIFF, gray, black is zero, 16 bits": lambda: write_depths(GRAYS[:1], (16,)),
    "TIFF, gray, white is zero, 16 bits": lambda: write_depths(GRAYS[1:], (16,)),
    "TIFF, gray, 3, 5, 6, 7, 9, 10, 11, 13, 14 or 15 bits": lambda: write_depths(GRAYS, ODD),
    "TIFF, gray, 12 bits": lambda: write_depths(GRAYS, (12,)),
    "TIFF, gray, 24, 32 or 64 bits": lambda: write_depths(GRAYS, (24, 32, 64)),
    "TIFF, gray, signed, 8, 16 or 32 bits": lambda: write_depths(GRAYS, (8, 16, 32), SIGNED),
    "TIFF, gray, floating point of 32 bits": lambda: write_depths(GRAYS[:1], (32,), FLOAT),
    "TIFF, gray, white is zero, floating point of 32 bits": lambda: write_depths(GRAYS[1:], (32,), FLOAT),
    "TIFF, gray, floating point of 16 or 64 bits": lambda: write_depths(GRAYS, (16, 64), FLOAT),
    "TIFF, gray and alpha, 8 bits": lambda: write_depths((Colors.GRAY_ALPHA,), (8,)),
    "TIFF, gray and alpha, 16 bits": lambda: write_depths((Colors.GRAY_ALPHA,), (16,)),
    "TIFF, RGB, with or without alpha, 8 bits": lambda: write_depths((Colors.RGB, *ALPHAS), (8,)),
    "TIFF, RGB, with or without alpha, 16 bits": lambda: write_depths((Colors.RGB, *ALPHAS), (16,)),
    "TIFF, RGB, 1, 2, 4, 10, 12 or 14 bits": lambda: write_depths((Colors.RGB,), (1, 2, 4, 10, 12, 14)),
    "TIFF, RGB, 32 or 64 bits, or signed": lambda: (
        *write_depths((Colors.RGB,), (32, 64)), *write_depths((Colors.RGB,), (8, 16), SIGNED)),
    "TIFF, RGB, floating point of 16, 32 or 64 bits": lambda: write_depths((Colors.RGB,), (16, 32, 64), FLOAT),
    "TIFF, RGB, second extra sample is alpha": lambda: write_depths((Colors.RGB_EXTRA_ALPHA,), (8,)),
    "TIFF, RGB in planes, 8 bits": lambda: write_depths((Colors.RGB,), (8,), planar=True),
    "TIFF, RGB in planes, 16 bits": lambda: write_depths((Colors.RGB,), (16,), planar=True),
    "TIFF, RGB and alpha in planes, 8 bits": lambda: write_depths(ALPHAS, (8,), planar=True),
    "TIFF, RGB and alpha in planes, 16 bits": lambda: write_depths(ALPHAS, (16,), planar=True),
    "TIFF, CMYK, 8 or 16 bits": lambda: write_depths((Colors.CMYK,), (8, 16)),
    "TIFF, CMYK in planes, 8 bits": lambda: write_depths((Colors.CMYK,), (8,), planar=True),
    "TIFF, CMYK in planes, 16 bits": lambda: write_depths((Colors.CMYK,), (16,), planar=True),
    "TIFF, CMYK and alpha, 8 bits": lambda: write_depths((Colors.CMYK_ALPHA,), (8,)),
    "TIFF, palette, color map of 16 bits": lambda: write_palettes((1, 2, 4, 8), 257),
    "TIFF, palette, color map of 8 bits": lambda: write_palettes((1, 2, 4, 8), 1),
    "TIFF, palette, reversed bits (FillOrder 2)": lambda: write_palettes((1, 2, 4), 257, reversed_bits=True),
    "TIFF, YCbCr, subsampled, uncompressed": lambda: (write_ycbcr(each, NONE) for each in ((2, 1), (2, 2), (4, 4))),
    "TIFF, YCbCr, subsampled, LZW": lambda: (write_ycbcr(each, LZW) for each in ((2, 1), (2, 2), (4, 4))),
    "TIFF, predictor for floating point": write_float_predictor,
    "TIFF, tiles": lambda: write_layouts(tile=(16, 16)),
    "BigTIFF": lambda: write_layouts(big=True),
    "TIFF, compression LERC, JBIG, JPEG 2000, SGI LogLuv": lambda: (
        each for code in (34887, 34661, 33003, 34676) for each in write_unsupported(compression=code)),
    "TIFF, complex numbers, sensor data, or different depths": lambda: (
        *write_unsupported(sample_format=6, bits=64), *write_unsupported(photometric=32803)),
    "BMP, usual bit fields of 16 and 32 bits": lambda: (
        *write_masks(0xF800, 0x7E0, 0x1F, bits=16, alpha=255, keep_alpha=False),
        *write_masks(0xFF0000, 0xFF00, 0xFF, 0xFF000000, bits=32, alpha=80, keep_alpha=True)),
    "BMP, other bit fields": lambda: (
        *write_masks(0xF00, 0xF0, 0xF, 0xF000, bits=16, alpha=85, keep_alpha=True),
        *write_masks(0x3FF00000, 0xFFC00, 0x3FF, bits=32, alpha=255, keep_alpha=False)),
    "BMP, alpha mask, uncompressed (V4, V5)": lambda: write_masks(
        0xFF0000, 0xFF00, 0xFF, 0xFF000000, bits=32, alpha=80, keep_alpha=True, compression=0),
    "BMP, alpha that is 0 everywhere": lambda: write_masks(
        0xFF0000, 0xFF00, 0xFF, 0xFF000000, bits=32, alpha=0, keep_alpha=False),
    "BMP, runs that skip pixels": write_runs,
    "BMP, 2 bits, or an OS/2 header of 16 bytes": lambda: (*write_small_bmp(2, 40), *write_small_bmp(8, 16)),
}  # fmt: skip


def build_table() -> str:
    """Return the table in Markdown."""
    lines = [START, "| --- | --- | --- |\n"]
    for name, write in VARIANTS.items():
        samples = list(write())
        lines.append(f"| {name} | {_summarize(samples, _decode_with_pillow)} | {_summarize(samples, _decode)} |\n")
    return "".join(lines)


def _summarize(samples: Sequence[Sample], decode_with: Callable[[bytes], Image.Image | None]) -> str:
    outcomes = {_judge(decode_with(data), expected) for data, expected in samples}
    return ", ".join(each for each in ("right", "wrong pixels", "refused") if each in outcomes)


def _judge(found: Image.Image | None, expected: Image.Image) -> str:
    if found is None:
        return "refused"
    shown, wanted = found.convert("RGBA"), expected.convert("RGBA")
    if found.size != expected.size:
        return "wrong pixels"
    one, other = shown.tobytes(), wanted.tobytes()
    worst = max(abs(a - b) * (1 if at % 4 == 3 else other[at | 3] / 255)
                for at, (a, b) in enumerate(zip(one, other, strict=True)))  # fmt: skip
    return "right" if worst <= max(TOLERANCE, 4) else "wrong pixels"


def _decode(data: bytes) -> Image.Image | None:
    try:
        return decode(open_image(data, LIMITS)).image
    except ImageError:
        return None


def _decode_with_pillow(data: bytes) -> Image.Image | None:
    """Decode a file with Pillow's own TIFF and BMP decoders."""
    try:
        image = Image.open(io.BytesIO(data), formats=("TIFF", "BMP"))
        image.load()
        return normalize_colors(image, ColorDescription())[0]
    except Exception:  # noqa: BLE001 - Pillow raises many types
        return None


def read_table() -> str:
    """Return the table of the page."""
    text = PAGE.read_text("utf-8")
    start = text.index(START)
    return text[start : text.index("\n\n", start) + 1]


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    PAGE.write_text(page.replace(read_table(), build_table()), "utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
