"""PNG files, packed as the image deserves.

Photographs hold noise: looking for repeated strings in it takes most of the time and finds next to nothing,
and so does trying every filter on every row. There each pixel is written as what it differs by from the average
of its neighbours, and only runs of one byte are packed. Drawings gain by the choice of filters; text, tables and
patterns repeat, and there the search halves the file or better. Pillow does both. A sample, packed in all three
ways, tells which is worth its time. Figures: docs/benchmarks.md, by benchmarks/imaging_settings.py. The format: PNG,
third edition (W3C, 2025), sections 5 and 9.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from io import BytesIO
from typing import Final

from PIL import Image, ImageChops

try:
    from zlib_ng.zlib_ng import compressobj
except ModuleNotFoundError:  # where there is no wheel of it: as small, but slower
    from zlib import compressobj  # type: ignore[assignment] # the same, by another type

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: Of Pillow's modes with eight bits a channel; other modes are left to Pillow.
_COLOR_TYPES: Final = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}
#: Filter type: less the average of the left and the upper neighbour, rounded down.
_AVERAGE: Final = 3
#: Bytes of a PNG that are neither pixels nor their checksum: signature and chunks.
_FRAME_BYTES: Final = 57
#: Rows that are filtered at once: their copies stay small whatever the image's size.
_STRIP_ROWS: Final = 64

_SAMPLE_BANDS: Final = 3
#: The sample: so many bands, evenly over the height, of so many rows.
_SAMPLE_ROWS: Final = 12
_MIN_SEARCH_GAIN: Final = 1.05
#: How many times smaller a slower way must make the sample to be taken. The choice of filters doubles the time, so it
#: must save more than the few per cent that it saves on photographs.
_MIN_FILTER_GAIN: Final = 1.15


class Packing(StrEnum):
    """Three ways to write a PNG, the quickest first."""

    #: One filter for all rows; only runs of one byte are packed.
    AVERAGE = "average"
    #: The filter that suits each row best; only runs of one byte are packed.
    RUNS = "runs"
    #: The filter that suits each row best, and repeated strings are looked for.
    SEARCH = "search"


def write_png(image: Image.Image) -> bytes:
    """Return an image as a PNG file without metadata."""
    packing = choose_packing(image)
    if packing is not Packing.AVERAGE:
        return _encode_with_pillow(image, zlib.Z_RLE if packing is Packing.RUNS else zlib.Z_DEFAULT_STRATEGY)
    # Width, height, bits a channel, color type, and the only methods of compression, filtering and no interlacing.
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, _COLOR_TYPES[image.mode], 0, 0, 0)
    packed = _compress(_filter_rows(image, 0, image.height), level=6, strategy=zlib.Z_RLE)
    return _SIGNATURE + _build_chunk(b"IHDR", header) + _build_chunk(b"IDAT", packed) + _build_chunk(b"IEND", b"")


def choose_packing_options(image: Image.Image) -> dict[str, int]:
    """Return the options with which Pillow packs images like this one, where it must write the file itself."""
    strategy = zlib.Z_DEFAULT_STRATEGY if choose_packing(image) is Packing.SEARCH else zlib.Z_RLE
    return {"compress_level": 6, "compress_type": strategy}


def choose_packing(image: Image.Image) -> Packing:
    """Return the way that suits an image, by a sample of its rows."""
    if image.mode not in _COLOR_TYPES:
        return Packing.SEARCH
    bands = _choose_bands(image.height)
    rows = [part for upper, lower in bands for part in _filter_rows(image, upper, lower)]
    average = len(_compress(rows, level=6, strategy=zlib.Z_RLE))
    # Band by band: a seam would make the first row of each look worse than it is in its place.
    runs = sum(
        len(_encode_with_pillow(image.crop((0, upper, image.width, lower)), zlib.Z_RLE)) - _FRAME_BYTES
        for upper, lower in bands
    )
    # The lowest level finds enough to tell.
    search = len(_compress(rows, level=1, strategy=zlib.Z_DEFAULT_STRATEGY))
    if min(average, runs) > _MIN_SEARCH_GAIN * search:
        return Packing.SEARCH
    return Packing.RUNS if average > _MIN_FILTER_GAIN * runs else Packing.AVERAGE


def _encode_with_pillow(image: Image.Image, strategy: int) -> bytes:
    file = BytesIO()
    image.save(file, format="PNG", compress_level=6, compress_type=strategy)
    return file.getvalue()


def _choose_bands(height: int) -> list[tuple[int, int]]:
    """Return the first row and the row after the last of each band that stands for the image."""
    if height <= _SAMPLE_BANDS * _SAMPLE_ROWS:
        return [(0, height)]
    middles = [(2 * band + 1) * height // (2 * _SAMPLE_BANDS) for band in range(_SAMPLE_BANDS)]
    return [(middle - _SAMPLE_ROWS // 2, middle + _SAMPLE_ROWS // 2) for middle in middles]


def _filter_rows(image: Image.Image, first: int, end: int) -> Iterator[bytes]:
    """Yield rows of an image, filtered, each behind the number of its filter, some at a time."""
    row_bytes = image.width * len(image.getbands())
    for upper in range(first, end, _STRIP_ROWS):
        lower = min(upper + _STRIP_ROWS, end)
        # What lies outside of the image is cut out as zero, just as the format counts it.
        left = image.crop((-1, upper, image.width - 1, lower))
        above = image.crop((0, upper - 1, image.width, lower - 1))
        expected = ImageChops.add(left, above, scale=2)
        rest = ImageChops.subtract_modulo(image.crop((0, upper, image.width, lower)), expected)
        rows = Image.new("L", (1 + row_bytes, lower - upper), _AVERAGE)
        rows.paste(Image.frombytes("L", (row_bytes, lower - upper), rest.tobytes()), (1, 0))
        yield rows.tobytes()


def _compress(parts: Iterable[bytes], *, level: int, strategy: int) -> bytes:
    packer = compressobj(level, strategy=strategy)
    return b"".join([*(packer.compress(part) for part in parts), packer.flush()])


def _build_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
