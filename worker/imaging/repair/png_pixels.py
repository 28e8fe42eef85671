"""The compressed pixels of a PNG whose end is damaged although all pixels are there.

Pillow refuses a PNG if the checksum of its zlib stream is wrong, if the stream is cut off or damaged after the last
pixel, or if it has more bytes than the image needs. The pixels do not depend on any of this.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from shared.pipeline.png_chunks import SIGNATURE, Chunk, iterate_chunks
from worker.imaging.containers.animation import Part
from worker.imaging.containers.apng import build_chunk

#: Samples per pixel by color type (W3C PNG, third edition, section 11.2.1).
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
#: Adam7: the first column and row of each pass, and the distances between columns and rows.
_PASSES: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_ZLIB_HEADER_BYTES: Final = 2
_DEFLATE: Final = 8
_PRESET_DICTIONARY: Final = 0x20
#: Bytes that are inflated at once, which limits the memory.
_STEP: Final = 65_536


def rebuild_png(data: bytes) -> bytes | None:
    """Return a PNG with the same pixels, whose stream ends with the last pixel.

    Return None if pixels are missing, or if the checksum of an IDAT chunk is wrong: the pixels may be wrong then.
    """
    chunks = list(iterate_chunks(data))
    stored = [chunk for chunk in chunks if chunk.kind == b"IDAT"]
    if any(chunk.is_complete(data) and not chunk.is_intact(data) for chunk in stored):
        return None
    pixels = _recompress((_get_content(data, chunk) for chunk in stored), _count_bytes(chunks[0].read(data)))
    if pixels is None:
        return None
    others = (data[slice(*chunk.whole)] for chunk in chunks if chunk.kind not in {b"IDAT", b"IEND"})
    return b"".join((SIGNATURE, *others, *build_chunk(b"IDAT", pixels), *build_chunk(b"IEND", b"")))


def _get_content(data: bytes, chunk: Chunk) -> memoryview:
    return memoryview(data)[chunk.start : chunk.end]


def _count_bytes(header: bytes) -> int:
    """Return how many bytes all rows have, each with its filter byte, for the content of IHDR."""
    width, height, bits, color, _, _, interlace = struct.unpack(">IIBBBBB", header)
    pixel_bits = bits * _SAMPLES.get(color, 0)
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * pixel_bits + 7) // 8)
    return total


def _recompress(contents: Iterable[memoryview], needed: int) -> bytes | None:
    """Return ``needed`` inflated bytes, compressed again, or None if there are fewer."""
    compressor = zlib.compressobj(1)
    parts, count = [], 0
    for part in _inflate(contents):
        parts.append(compressor.compress(part[: needed - count]))
        count += len(part)
        if count >= needed:
            return b"".join((*parts, compressor.flush()))
    return None


def _inflate(contents: Iterable[memoryview]) -> Iterator[bytes]:
    """Yield the inflated bytes up to the end or damage. The checksum of the zlib stream is not read."""
    prefix = b""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    is_started = False
    for content in contents:
        stored: Part = content
        if not is_started:
            prefix += bytes(content)
            if len(prefix) < _ZLIB_HEADER_BYTES:
                continue
            if not _is_zlib_header(prefix):
                return
            is_started, stored = True, prefix[_ZLIB_HEADER_BYTES:]
        for start in range(0, len(stored), _STEP):
            before = inflater.copy()
            try:
                yield from _inflate_step(inflater, stored[start : start + _STEP])
            except zlib.error:
                yield from _inflate_to_damage(before, stored[start : start + _STEP])
                return
            if inflater.eof:
                return


def _is_zlib_header(prefix: bytes) -> bool:
    first, second = prefix[:_ZLIB_HEADER_BYTES]
    is_valid = first & 15 == _DEFLATE and first >> 4 <= 7 and (first << 8 | second) % 31 == 0
    return is_valid and not second & _PRESET_DICTIONARY


def _inflate_step(inflater: "zlib._Decompress", stored: Part) -> list[bytes]:
    """Return what a part inflates to. Nothing is returned if it is damaged, so that it can be inflated again."""
    parts = [inflater.decompress(stored, _STEP)]
    # The inflater can hold output back although it has consumed its input.
    while not inflater.eof and (inflater.unconsumed_tail or len(parts[-1]) == _STEP):
        parts.append(inflater.decompress(inflater.unconsumed_tail, _STEP))
    return parts


def _inflate_to_damage(inflater: "zlib._Decompress", stored: Part) -> Iterator[bytes]:
    """Yield what a damaged part inflates to, byte by byte, so that the damage takes as little with it as possible."""
    for index in range(len(stored)):
        rest: Part = stored[index : index + 1]
        part = b"\0"
        while (rest or part) and not inflater.eof:
            try:
                part = inflater.decompress(rest, 1)
            except zlib.error:
                return
            yield part
            rest = inflater.unconsumed_tail
