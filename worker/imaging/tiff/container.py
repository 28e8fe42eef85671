"""Strips and tiles: reading them from a file, and writing them into a small TIFF for Pillow.

Pillow (libtiff) knows all compressions. If a TIFF declares other pixels than it has, for example rows of bytes instead
of samples of 24 bits, Pillow returns what the compression holds, without an interpretation.
"""

import struct
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate
from typing import Final

from PIL import Image, TiffImagePlugin

from shared.errors import CorruptImage, TruncatedImage
from worker.imaging.pillow_setup import lift_bomb_limit
from worker.imaging.tiff.directory import Directory, Value
from worker.imaging.tiff.flavor import CCITT, Compression, Flavor, Photometric, Tag

_SHORT, _LONG, _RATIONAL, _OPAQUE = 3, 4, 5, 7
#: Tags with 16-bit values; all others are written with 32 bits.
_SHORTS: Final = (
    *(Tag.BITS_PER_SAMPLE, Tag.COMPRESSION, Tag.PHOTOMETRIC, Tag.SAMPLES_PER_PIXEL, Tag.PREDICTOR, Tag.COLOR_MAP),
    *(Tag.EXTRA_SAMPLES, Tag.SAMPLE_FORMAT),
    *(Tag.YCBCR_SUBSAMPLING, Tag.YCBCR_POSITIONING),
)
_MAX_SEGMENTS: Final = 1_000_000
_REVERSED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True, slots=True)
class Segment:
    """A compressed strip or tile. Its bits have the usual order."""

    content: bytes | memoryview
    #: Whether the file ends within the strip or tile.
    is_cut: bool


def read_segments(data: bytes, directory: Directory, flavor: Flavor, *, ignore_sizes: bool = False) -> list[Segment]:
    """Return all strips or tiles in order. Raises CorruptImage or TruncatedImage if some are missing.

    A strip or tile whose size is missing or 0, or any with ``ignore_sizes``, extends to the next one or to the end of
    the file. A plane that is not needed can be missing.
    """
    has_tile_tags = flavor.tile and Tag.TILE_OFFSETS in directory.tags
    tags = (Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS) if has_tile_tags else (Tag.STRIP_OFFSETS, Tag.STRIP_BYTE_COUNTS)
    offsets, counts = (directory.get_numbers(tag) for tag in tags)
    needed = count_segments(flavor)
    if needed > _MAX_SEGMENTS or len(offsets) < _count_used(flavor, needed):
        raise CorruptImage
    if flavor.compression == Compression.NONE:
        counts = tuple(compute_segment_bytes(flavor, index) for index in range(needed))
    elif ignore_sizes:
        counts = ()
    offsets, counts = ((*numbers, *(0,) * needed)[:needed] for numbers in (offsets, counts))
    ends = [*sorted(offsets), len(data)]
    view = memoryview(data)
    segments = []
    for index, (offset, stored) in enumerate(zip(offsets, counts, strict=True)):
        if not 0 < offset < len(data):
            if index < _count_used(flavor, needed):
                raise TruncatedImage if offset else CorruptImage
            segments.append(Segment(b"", is_cut=True))
            continue
        # libtiff does not fail if a fax is too short, and reads nothing after its last row.
        is_measured = not stored or flavor.compression in CCITT
        count = ends[bisect_right(ends, offset, hi=len(ends) - 1)] - offset if is_measured else stored
        content: bytes | memoryview = view[offset : offset + count]
        if flavor.reversed_bits and flavor.compression != Compression.JPEG:
            content = bytes(content).translate(_REVERSED)
        segments.append(Segment(content, is_cut=offset + (stored or count) > len(data)))
    return segments


def _count_used(flavor: Flavor, count: int) -> int:
    """Return how many of all strips or tiles are read: those of planes after the last color and alpha are not."""
    if not flavor.is_planar:
        return count
    planes = max(flavor.colors, (flavor.alpha or 0) + 1)
    return count // flavor.samples * min(planes, flavor.samples)


def count_segments(flavor: Flavor) -> int:
    """Return the number of strips or tiles."""
    width, height = flavor.size
    if flavor.tile:
        across, down = -(-width // flavor.tile[0]), -(-height // flavor.tile[1])
    else:
        across, down = 1, -(-height // flavor.rows_per_strip)
    return across * down * (flavor.samples if flavor.is_planar else 1)


def get_segment_size(flavor: Flavor, index: int) -> tuple[int, int]:
    """Return width and height of a strip or tile in pixels."""
    if flavor.tile:
        return flavor.tile
    strips = -(-flavor.size[1] // flavor.rows_per_strip)
    first = index % strips * flavor.rows_per_strip
    return flavor.size[0], min(flavor.rows_per_strip, flavor.size[1] - first)


def compute_row_bytes(flavor: Flavor) -> int:
    """Return how many bytes a row of a strip or tile has when it is not compressed."""
    width = get_segment_size(flavor, 0)[0]
    samples = 1 if flavor.is_planar else flavor.samples
    return (width * samples * flavor.bits + 7) // 8


def compute_segment_bytes(flavor: Flavor, index: int) -> int:
    """Return how many bytes a strip or tile has when it is not compressed."""
    width, height = get_segment_size(flavor, index)
    if flavor.photometric == Photometric.YCBCR and not flavor.is_planar and flavor.compression == Compression.NONE:
        across, down = flavor.subsampling
        blocks = -(-width // across) * -(-height // down)
        return blocks * (across * down + 2) * flavor.bits // 8
    return compute_row_bytes(flavor) * height


def write_tiff(tags: Mapping[int, Value], segments: Sequence[bytes | memoryview], order: str, *, tiles: bool) -> bytes:
    """Return a classic TIFF with these tags and these strips or tiles."""
    entries = dict(tags)
    places = (Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS) if tiles else (Tag.STRIP_OFFSETS, Tag.STRIP_BYTE_COUNTS)
    sizes = tuple(len(segment) for segment in segments)
    entries |= {places[0]: sizes, places[1]: sizes}  # placeholders of the right length
    fixed = 8 + 2 + 12 * len(entries) + 4
    extra = sum(size if (size := len(_pack(tag, value, order)[2])) > 4 else 0 for tag, value in entries.items())
    first = fixed + extra
    entries[places[0]] = tuple(accumulate(sizes[:-1], initial=first))
    directory, outside = bytearray(), bytearray()
    for tag, value in sorted(entries.items()):
        kind, count, content = _pack(tag, value, order)
        if len(content) > 4:
            content, at = b"", fixed + len(outside)
            outside += _pack(tag, value, order)[2]
            content = struct.pack(f"{order}I", at)
        directory += struct.pack(f"{order}HHI", tag, kind, count) + content.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    return b"".join((head, directory, bytes(4), outside, *segments))


def _pack(tag: int, value: Value, order: str) -> tuple[int, int, bytes]:
    """Return type, count and bytes of a value."""
    if isinstance(value, bytes):
        return _OPAQUE, len(value), value
    if value and isinstance(value[0], float):
        parts = [part for number in value for part in (round(number * 1_000_000), 1_000_000)]
        return _RATIONAL, len(value), struct.pack(f"{order}{len(parts)}I", *parts)
    code, kind = ("H", _SHORT) if tag in _SHORTS else ("I", _LONG)
    return kind, len(value), struct.pack(f"{order}{len(value)}{code}", *value)


def decode_tiff(data: bytes) -> Image.Image:
    """Decode a file that ``write_tiff`` wrote, without Pillow's limit: the caller has checked the size."""
    with lift_bomb_limit():
        image = TiffImagePlugin.TiffImageFile(BytesIO(data))
        image.load()
    return image
