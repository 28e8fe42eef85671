"""PNG encoder that chooses the compression by the content of the image.

``Packing`` lists the four ways to compress an image. To choose one, this module compresses a sample of the rows in all
four ways. It implements the first two ways itself and calls Pillow for the others.

Photographs contain noise, so they get one filter (average), and run-length compression only if it makes them smaller.
Searching for repeated strings,
or trying every filter on every row, would take much time and save almost nothing. Drawings become smaller if the best
filter is chosen for each row. Text, tables and patterns repeat, so a search for repeated strings at least halves their
size. Figures are in docs/benchmarks.md (benchmarks/imaging_settings.py). Format: PNG, third edition (W3C, 2025),
sections 5 and 9.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from io import BytesIO
from typing import Final

from PIL import Image, ImageChops

from worker.imaging.color.png_colors import reduce_colors

try:
    from zlib_ng.zlib_ng import compressobj
except ModuleNotFoundError:  # There is no wheel for this platform. zlib gives the same size but is slower.
    from zlib import compressobj  # type: ignore[assignment] # same interface, other type

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: PNG color types of Pillow's modes with 8 bits per channel. Images in other modes are always written by Pillow.
_COLOR_TYPES: Final = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}
#: Filter type: subtract the average of the left and upper neighbors, rounded down.
_AVERAGE: Final = 3
#: Size in bytes of a PNG without its compressed pixels: signature, and headers of the chunks.
_OVERHEAD_BYTES: Final = 57
#: Number of rows that are filtered together. It limits the memory for copies.
_STRIP_ROWS: Final = 64

#: The sample consists of this many bands, evenly spaced over the height.
_SAMPLE_BANDS: Final = 3
#: Rows per band of the sample.
_SAMPLE_ROWS: Final = 12
#: Run-length compression is used if the sample is more than this many times larger without it. It takes half as much
#: time again, and makes noisy images 1 % smaller.
_MIN_RUN_GAIN: Final = 1.02
#: The search is used if the sample is more than this many times larger without it.
_MIN_SEARCH_GAIN: Final = 1.05
#: A filter for each row is used if the sample is more than this many times larger with one filter for all rows. It
#: doubles the time and saves only a few percent on photographs.
_MIN_FILTER_GAIN: Final = 1.15

#: Files up to this size keep the color type of the image: a block of most file systems holds them. Programs that read
#: single pixels without converting the image get numbers of palette entries, which a few bytes are not worth.
_BLOCK_BYTES: Final = 4096


class Packing(StrEnum):
    """Four ways to compress a PNG, fastest first."""

    #: One filter for all rows, codes for single bytes only.
    BYTES = "bytes"
    #: One filter for all rows, run-length compression.
    AVERAGE = "average"
    #: The best filter per row, run-length compression.
    RUNS = "runs"
    #: The best filter per row, with a search for repeated strings.
    SEARCH = "search"


#: zlib's strategy for each way that this module implements.
_STRATEGIES: Final = {Packing.BYTES: zlib.Z_HUFFMAN_ONLY, Packing.AVERAGE: zlib.Z_RLE}


def write_png(image: Image.Image, exif: bytes = b"") -> bytes:
    """Encode an image as PNG, without metadata except ``exif``.

    If the image has few colors and the file exceeds ``_BLOCK_BYTES``, try a smaller color type, such as a palette, and
    return the smaller file.
    """
    plain = encode_plain(image, exif)
    if len(plain) <= _BLOCK_BYTES or image.mode not in _COLOR_TYPES or (reduced := reduce_colors(image)) is None:
        return plain
    return min(plain, encode_plain(reduced, exif), key=len)


def encode_plain(image: Image.Image, exif: bytes) -> bytes:
    """Encode an image as PNG with the color type of its mode."""
    packing = choose_packing(image)
    if exif or packing not in _STRATEGIES:
        return _encode_with_pillow(image, _choose_pillow_strategy(packing), exif)
    # Width, height, bits per channel, color type, compression method, filter method, interlace method.
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, _COLOR_TYPES[image.mode], 0, 0, 0)
    compressed = _compress(_filter_rows(image, 0, image.height), level=6, strategy=_STRATEGIES[packing])
    return _SIGNATURE + _build_chunk(b"IHDR", header) + _build_chunk(b"IDAT", compressed) + _build_chunk(b"IEND", b"")


def choose_packing_options(image: Image.Image) -> dict[str, int]:
    """Return the compression options for a PNG that Pillow writes, such as an animation."""
    return {"compress_level": 6, "compress_type": _choose_pillow_strategy(choose_packing(image))}


def _choose_pillow_strategy(packing: Packing) -> int:
    return zlib.Z_DEFAULT_STRATEGY if packing is Packing.SEARCH else zlib.Z_RLE


def choose_packing(image: Image.Image) -> Packing:
    """Choose the packing for an image by compressing a sample of its rows."""
    if image.mode not in _COLOR_TYPES:
        return Packing.SEARCH
    bands = _choose_bands(image.height)
    rows = [part for upper, lower in bands for part in _filter_rows(image, upper, lower)]
    average = len(_compress(rows, level=6, strategy=zlib.Z_RLE))
    # Compress each band separately, because its first row can't be predicted from the band before.
    runs = sum(
        len(_encode_with_pillow(image.crop((0, upper, image.width, lower)), zlib.Z_RLE)) - _OVERHEAD_BYTES
        for upper, lower in bands
    )
    # The lowest compression level is sufficient for the decision.
    search = len(_compress(rows, level=1, strategy=zlib.Z_DEFAULT_STRATEGY))
    if min(average, runs) > _MIN_SEARCH_GAIN * search:
        return Packing.SEARCH
    if average > _MIN_FILTER_GAIN * runs:
        return Packing.RUNS
    single = len(_compress(rows, level=6, strategy=zlib.Z_HUFFMAN_ONLY))
    return Packing.AVERAGE if single > _MIN_RUN_GAIN * average else Packing.BYTES


def _encode_with_pillow(image: Image.Image, strategy: int, exif: bytes = b"") -> bytes:
    file = BytesIO()
    image.save(file, format="PNG", compress_level=6, compress_type=strategy, exif=exif)
    return file.getvalue()


def _choose_bands(height: int) -> list[tuple[int, int]]:
    """Return, for each band of the sample, its first row and the row after its last row."""
    if height <= _SAMPLE_BANDS * _SAMPLE_ROWS:
        return [(0, height)]
    middles = [(2 * band + 1) * height // (2 * _SAMPLE_BANDS) for band in range(_SAMPLE_BANDS)]
    return [(middle - _SAMPLE_ROWS // 2, middle + _SAMPLE_ROWS // 2) for middle in middles]


def _filter_rows(image: Image.Image, first: int, end: int) -> Iterator[bytes]:
    """Yield the filtered rows, several rows at a time. Each row starts with its filter type."""
    row_bytes = image.width * len(image.getbands())
    for upper in range(first, end, _STRIP_ROWS):
        lower = min(upper + _STRIP_ROWS, end)
        # In a crop, Pillow sets pixels outside the image to zero, as PNG requires.
        left = image.crop((-1, upper, image.width - 1, lower))
        above = image.crop((0, upper - 1, image.width, lower - 1))
        predicted = ImageChops.add(left, above, scale=2)
        difference = ImageChops.subtract_modulo(image.crop((0, upper, image.width, lower)), predicted)
        rows = Image.new("L", (1 + row_bytes, lower - upper), _AVERAGE)
        rows.paste(Image.frombytes("L", (row_bytes, lower - upper), difference.tobytes()), (1, 0))
        yield rows.tobytes()


def _compress(parts: Iterable[bytes], *, level: int, strategy: int) -> bytes:
    compressor = compressobj(level, strategy=strategy)
    return b"".join([*(compressor.compress(part) for part in parts), compressor.flush()])


def _build_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
