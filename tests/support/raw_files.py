"""Writers of files that Pillow can't write: 16-bit and interlaced PNG, 16-bit TIFF."""

import struct
import zlib
from collections.abc import Sequence

#: Channel values by row, pixel and channel.
Pixels = Sequence[Sequence[Sequence[int]]]

#: First column, first row, column step and row step of each pass (W3C PNG, section 8.1).
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def make_png(
    pixels: Pixels, bits: int, *, interlaced: bool = False, chunks: Sequence[tuple[bytes, bytes]] = ()
) -> bytes:
    """Return a PNG with 8 or 16 bits per channel. 1 to 4 channels are gray, gray and alpha, RGB, RGBA."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    code = "B" if bits == 8 else "H"
    raw = b""
    for left, upper, across, down in passes:
        for row in pixels[upper::down]:
            values = [value for pixel in row[left::across] for value in pixel]
            raw += (b"\0" + struct.pack(f">{len(values)}{code}", *values)) if values else b""
    header = struct.pack(
        ">IIBBBBB", len(pixels[0]), len(pixels), bits, _COLOR_TYPES[len(pixels[0][0])], 0, 0, int(interlaced)
    )
    body = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(make_png_chunk(kind, content) for kind, content in body)


def make_png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def make_tiff(pixels: Pixels) -> bytes:
    """Return an uncompressed little-endian TIFF with three channels of 16 bits (TIFF 6.0, section 6)."""
    height, width = len(pixels), len(pixels[0])
    data = b"".join(struct.pack("<3H", *pixel) for row in pixels for pixel in row)
    bits_at, data_at = 8 + 2 + 12 * 9 + 4, 8 + 2 + 12 * 9 + 4 + 6
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, bits_at),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, data_at),
        (277, 3, 1, 3),
        (278, 4, 1, height),
        (279, 4, 1, len(data)),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + struct.pack("<3H", 16, 16, 16) + data
