"""The chunks of a PNG (W3C PNG, third edition)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

try:
    from zlib_ng.zlib_ng import crc32
except ModuleNotFoundError:  # The API has no zlib-ng, and there is no wheel for some platforms.
    from zlib import crc32

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: Bytes of length, type and checksum around the content of a chunk.
_HEADER_BYTES, _CRC_BYTES = 8, 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a PNG file."""

    kind: bytes
    #: Offset of the first byte of the content in the file.
    start: int
    #: Bytes of content. The file can end earlier.
    length: int

    @property
    def end(self) -> int:
        """Return the offset after the content, where the checksum starts."""
        return self.start + self.length

    @property
    def whole(self) -> tuple[int, int]:
        """Return where the chunk starts and ends, with its length, type and checksum."""
        return self.start - _HEADER_BYTES, self.end + _CRC_BYTES

    def read(self, data: bytes) -> bytes:
        """Return the content."""
        return data[self.start : self.end]

    def is_complete(self, data: bytes) -> bool:
        """Return True if the file contains the whole chunk."""
        return self.end + _CRC_BYTES <= len(data)

    def is_intact(self, data: bytes) -> bool:
        """Return True if the chunk is complete and its checksum is right."""
        expected = data[self.end : self.end + _CRC_BYTES]
        content = memoryview(data)[self.start - len(self.kind) : self.end]
        return len(expected) == _CRC_BYTES and crc32(content) == int.from_bytes(expected, "big")


def iterate_chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a PNG file, up to IEND or the end of the file. Only the last one can be incomplete."""
    at = len(SIGNATURE)
    while at + _HEADER_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = Chunk(kind, at + _HEADER_BYTES, length)
        yield chunk
        if kind == b"IEND":
            return
        at = chunk.end + _CRC_BYTES
