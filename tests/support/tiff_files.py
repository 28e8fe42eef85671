"""A writer of TIFF files of every depth, layout, byte order and lossless compression (TIFF 6.0 and BigTIFF)."""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

NONE: Final = 1
LZW: Final = 5
DEFLATE: Final = 8
PACK_BITS: Final = 32773
UNSIGNED, SIGNED, FLOAT = 1, 2, 3

#: Samples by row and pixel.
Rows = Sequence[Sequence[Sequence[float]]]

_RATIONAL: Final = 5
_CODES: Final = {1: "B", 2: "s", 3: "H", 4: "I", 7: "s", 16: "Q"}
_REVERSED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True, kw_only=True)
class TiffFile:
    """A TIFF with one page. ``rows`` holds the samples as stored, before compression."""

    rows: Rows
    bits: int = 8
    sample_format: int = UNSIGNED
    photometric: int = 1
    planar: bool = False
    compression: int = NONE
    predictor: int = 1
    reversed_bits: bool = False
    order: str = "<"
    big: bool = False
    #: Width and height of tiles, or None for strips.
    tile: tuple[int, int] | None = None
    rows_per_strip: int = 5
    extra_samples: Sequence[int] = ()
    #: Further tags: type, and values or bytes.
    tags: Mapping[int, tuple[int, Sequence[int] | bytes]] = field(default_factory=dict)
    #: Replaces the compressed strips.
    strips: Sequence[bytes] | None = None
    #: Replaces the sizes of strips or tiles. If it is empty, the tag is left out.
    sizes: Sequence[int] | None = None
    #: List tiles in the tags for strips, as some programs do.
    tiles_as_strips: bool = False

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        height, width = len(self.rows), len(self.rows[0])
        samples = len(self.rows[0][0])
        segments = list(self.strips) if self.strips is not None else self._list_segments()
        tags: dict[int, tuple[int, Sequence[int] | bytes]] = {
            256: (4, (width,)),
            257: (4, (height,)),
            258: (3, (self.bits,) * samples),
            259: (3, (self.compression,)),
            262: (3, (self.photometric,)),
            277: (3, (samples,)),
            284: (3, (2 if self.planar else 1,)),
        }
        if self.sample_format != UNSIGNED:
            tags[339] = (3, (self.sample_format,) * samples)
        if self.predictor > 1:
            tags[317] = (3, (self.predictor,))
        if self.reversed_bits:
            tags[266] = (3, (2,))
        if self.extra_samples:
            tags[338] = (3, tuple(self.extra_samples))
        if self.tile:
            tags |= {322: (3, (self.tile[0],)), 323: (3, (self.tile[1],))}
        else:
            tags[278] = (4, (self.rows_per_strip,))
        places = (324, 325) if self.tile and not self.tiles_as_strips else (273, 279)
        kind = 16 if self.big else 4
        sizes = tuple(len(segment) for segment in segments)
        tags |= self.tags
        stored = sizes if self.sizes is None else tuple(self.sizes)
        tags |= {places[0]: (kind, sizes), **({places[1]: (kind, stored)} if stored else {})}
        first = len(self._write(tags))
        tags[places[0]] = (kind, tuple(accumulate(sizes[:-1], initial=first)))
        return self._write(tags) + b"".join(segments)

    def _write(self, tags: Mapping[int, tuple[int, Sequence[int] | bytes]]) -> bytes:
        """Return the header and the directory with its values."""
        order, inline = self.order, 8 if self.big else 4
        start, entry = (16 + 8, 20) if self.big else (8 + 2, 12)
        outside_at = start + entry * len(tags) + inline
        directory, outside = b"", b""
        for tag, (kind, values) in sorted(tags.items()):
            content = values if isinstance(values, bytes) else b"".join(
                struct.pack(f"{order}{_CODES[kind]}", value) for value in values
            )  # fmt: skip
            if len(content) > inline:
                place = struct.pack(f"{order}{'Q' if self.big else 'I'}", outside_at + len(outside))
                outside += content
            else:
                place = content.ljust(inline, b"\0")
            directory += (
                struct.pack(
                    f"{order}HH{'Q' if self.big else 'I'}", tag, kind, len(values) // (8 if kind == _RATIONAL else 1)
                )
                + place
            )
        mark = b"II" if order == "<" else b"MM"
        if self.big:
            head = mark + struct.pack(f"{order}HHHQQ", 43, 8, 0, 16, len(tags))
        else:
            head = mark + struct.pack(f"{order}HIH", 42, 8, len(tags))
        return head + directory + bytes(inline) + outside

    def _list_segments(self) -> list[bytes]:
        height, width = len(self.rows), len(self.rows[0])
        planes: list[Rows] = [self.rows]
        if self.planar:
            samples = range(len(self.rows[0][0]))
            planes = [[[[pixel[sample]] for pixel in row] for row in self.rows] for sample in samples]
        if not self.tile:
            step = self.rows_per_strip
            return [self._compress(plane[top : top + step]) for plane in planes for top in range(0, height, step)]
        across, down = self.tile
        blank = [0] * len(planes[0][0][0])
        return [
            self._compress([
                [plane[y][x] if y < height and x < width else blank for x in range(left, left + across)]
                for y in range(top, top + down)
            ])
            for plane in planes
            for top in range(0, height, down)
            for left in range(0, width, across)
        ]  # fmt: skip

    def _compress(self, rows: Rows) -> bytes:
        content = b"".join(self._pack_row(row) for row in rows)
        packed = COMPRESS[self.compression](content)
        return packed.translate(_REVERSED) if self.reversed_bits else packed

    def _pack_row(self, row: Sequence[Sequence[float]]) -> bytes:
        samples = len(row[0])
        values = [value for pixel in row for value in pixel]
        if self.sample_format == FLOAT:
            code = {16: "e", 32: "f", 64: "d"}[self.bits]
            if self.predictor < 3:
                return struct.pack(f"{self.order}{len(values)}{code}", *values)
            content = struct.pack(f">{len(values)}{code}", *values)
            size = self.bits // 8
            shuffled = b"".join(content[place::size] for place in range(size))
            return bytes((value - (shuffled[at - samples] if at >= samples else 0)) & 255
                         for at, value in enumerate(shuffled))  # fmt: skip
        mask = (1 << self.bits) - 1
        integers = [int(value) & mask for value in values]
        if self.predictor == 2:
            integers = [(value - (integers[at - samples] if at >= samples else 0)) & mask
                        for at, value in enumerate(integers)]  # fmt: skip
        if self.bits % 8 == 0:
            order = "little" if self.order == "<" else "big"
            return b"".join(value.to_bytes(self.bits // 8, order) for value in integers)  # type: ignore[arg-type] # one of two
        text = "".join(f"{value:0{self.bits}b}" for value in integers)
        text = text.ljust(-(-len(text) // 8) * 8, "0")
        return int(text, 2).to_bytes(len(text) // 8, "big")


def compress_lzw(content: bytes) -> bytes:
    """Return LZW data (TIFF 6.0, section 13) without repetitions, so that all codes have 9 bits."""
    codes = []
    for at in range(0, len(content), 200):
        codes += [256, *content[at : at + 200]]
    text = "".join(f"{code:09b}" for code in (*codes, 257))
    text = text.ljust(-(-len(text) // 8) * 8, "0")
    return int(text, 2).to_bytes(len(text) // 8, "big")


def compress_pack_bits(content: bytes) -> bytes:
    """Return PackBits data (TIFF 6.0, section 9) of literal runs."""
    parts = [content[at : at + 100] for at in range(0, len(content), 100)]
    return b"".join(bytes((len(part) - 1,)) + part for part in parts)


#: Functions by the number of the compression.
COMPRESS: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    NONE: bytes,
    LZW: compress_lzw,
    DEFLATE: zlib.compress,
    PACK_BITS: compress_pack_bits,
}
