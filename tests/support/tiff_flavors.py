"""TIFF files of every flavor with the pixels that they show."""

import struct
from enum import Enum
from functools import cache
from typing import Any, Final

from PIL import Image
from support.tiff_files import COMPRESS, FLOAT, SIGNED, Rows, TiffFile

WIDTH, HEIGHT = 19, 13
#: Maximum difference from the exact value. Pillow keeps the high byte of 16-bit colors instead of rounding.
TOLERANCE: Final = 2


class Colors(Enum):
    """Photometric interpretation, number of colors, and extra samples."""

    WHITE_IS_ZERO = (0, 1, ())
    GRAY = (1, 1, ())
    GRAY_ALPHA = (1, 1, (2,))
    GRAY_PREMULTIPLIED = (1, 1, (1,))
    GRAY_EXTRA = (1, 1, (0,))
    RGB = (2, 3, ())
    RGB_ALPHA = (2, 3, (2,))
    RGB_PREMULTIPLIED = (2, 3, (1,))
    RGB_EXTRA = (2, 3, (0,))
    RGB_EXTRA_ALPHA = (2, 3, (0, 2))
    RGB_THREE_EXTRAS = (2, 3, (0, 0, 0))
    CMYK = (5, 4, ())
    CMYK_EXTRA = (5, 4, (0,))
    CMYK_ALPHA = (5, 4, (2,))

    @property
    def alpha(self) -> int | None:
        """Return the index of the sample that is alpha."""
        _, colors, extras = self.value
        return next((colors + at for at, kind in enumerate(extras) if kind), None)

    @property
    def is_premultiplied(self) -> bool:
        """Return True if the colors are multiplied by alpha."""
        return 1 in self.value[2]


def _draw(x: int, y: int, sample: int) -> float:
    """Return a sample of the scene, 0 to 1: gradients in four directions and a pattern."""
    across, down = x / (WIDTH - 1), y / (HEIGHT - 1)
    return (across, down, 1 - across, (across + down) / 2, (x * 7 + y * 3) % 16 / 15, 1 - down)[sample]


def _list_samples(colors: Colors, x: int, y: int) -> list[float]:
    """Return the samples of a pixel, 0 to 1, as shown."""
    _, count, extras = colors.value
    samples = [_draw(x, y, sample) for sample in range(count + len(extras))]
    if colors.alpha is not None:
        samples[colors.alpha] = 0.3 + 0.7 * samples[colors.alpha]
    return samples


def _store(value: float, bits: int, sample_format: int) -> float:
    if sample_format == FLOAT:
        return value
    highest = (1 << bits) - 1
    stored = min(round(value * highest), highest)
    return stored - (1 << bits - 1) if sample_format == SIGNED else stored


def _invert(stored: float, bits: int, sample_format: int) -> float:
    return -1 - stored if sample_format == SIGNED else (1 << bits) - 1 - stored


@cache
def make_rows(colors: Colors, bits: int, sample_format: int) -> list[list[list[float]]]:
    """Return the samples as stored."""
    rows = []
    for y in range(HEIGHT):
        row = []
        for x in range(WIDTH):
            samples = _list_samples(colors, x, y)
            if colors.is_premultiplied and colors.alpha is not None:
                samples = [value if at == colors.alpha else value * samples[colors.alpha]
                           for at, value in enumerate(samples)]  # fmt: skip
            stored = [_store(value, bits, sample_format) for value in samples]
            if colors is Colors.WHITE_IS_ZERO:
                stored[0] = 1 - stored[0] if sample_format == FLOAT else _invert(stored[0], bits, sample_format)
            row.append(stored)
        rows.append(row)
    return rows


@cache
def draw_expected(colors: Colors, bits: int) -> Image.Image:
    """Return the image with the precision of ``bits``. Premultiplied colors in a file have less precision."""
    _, count, _ = colors.value
    highest = (1 << min(bits, 16)) - 1
    levels = []
    for y in range(HEIGHT):
        for x in range(WIDTH):
            samples = [round(value * highest) / highest for value in _list_samples(colors, x, y)]
            shown = samples[:count]
            if count == 4:
                shown = [(1 - ink) * (1 - samples[3]) for ink in samples[:3]]
            if colors.alpha is not None:
                shown = [*shown, samples[colors.alpha]]
            levels += [int(value * 255 + 0.5) for value in shown]
    mode = ("L" if count == 1 else "RGB") + ("A" if colors.alpha is not None else "")
    return Image.frombytes(mode, (WIDTH, HEIGHT), bytes(levels))


def write_flavor(colors: Colors, bits: int, sample_format: int, **layout: Any) -> tuple[bytes, Image.Image]:
    """Return a file and the image that it shows."""
    photometric, _, extras = colors.value
    if colors in {Colors.WHITE_IS_ZERO, Colors.GRAY}:
        layout["planar"] = False
    rows = make_rows(colors, bits, sample_format)
    file = TiffFile(
        rows=rows, bits=bits, sample_format=sample_format, photometric=photometric, extra_samples=extras, **layout
    )
    return file.encode(), draw_expected(colors, bits)


def write_ycbcr(subsampling: tuple[int, int], compression: int) -> tuple[bytes, Image.Image]:
    """Return an image of 16 × 16 pixels in YCbCr whose chroma is the same in blocks of 8 × 8 (TIFF 6.0, section 21)."""
    across, down = subsampling
    luma = [[16 * x + y for x in range(16)] for y in range(16)]

    def find_chroma(x: int, y: int) -> tuple[int, int]:
        return (90, 160) if (x < 8) == (y < 8) else (150, 110)

    content = b""
    for top in range(0, 16, down):
        for left in range(0, 16, across):
            block = [luma[top + y][left + x] for y in range(down) for x in range(across)]
            content += bytes((*block, *find_chroma(left, top)))
    tags = {
        530: (3, subsampling),
        532: (5, struct.pack("<12I", 0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)),
    }
    blank: Rows = [[[0, 0, 0]] * 16] * 16
    file = TiffFile(
        rows=blank,
        photometric=6,
        compression=compression,
        rows_per_strip=16,
        strips=[COMPRESS[compression](content)],
        tags=tags,
    )
    expected = Image.new("YCbCr", (16, 16))
    expected.putdata([(luma[y][x], *find_chroma(x, y)) for y in range(16) for x in range(16)])
    return file.encode(), expected.convert("RGB")
