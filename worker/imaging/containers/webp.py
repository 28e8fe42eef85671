"""The chunks of a WebP file (RFC 9649).

libwebp refuses a file whose end is missing, even if only metadata is cut off. Such a file is repaired.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from worker.imaging.containers.contents import FileContents
from worker.imaging.containers.slices import Slices

_HEADER_BYTES: Final = 12
_CHUNK_BYTES: Final = 8
_PIXEL_KINDS: Final = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
_DAMAGED_END: Final = "The end of the WebP file is damaged and was ignored."


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a WebP file."""

    kind: bytes
    #: Offset of the first byte of the content in the file.
    start: int
    #: Bytes of content. The file can end earlier.
    length: int

    @property
    def end(self) -> int:
        """Return the offset after the content and its padding."""
        return self.start + self.length + self.length % 2


def is_webp(data: bytes) -> bool:
    """Return True if the file has the signature of WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def iterate_chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a WebP file. Only the last one can be incomplete."""
    size = 8 + int.from_bytes(data[4:8], "little")
    at = _HEADER_BYTES
    while at + _CHUNK_BYTES <= min(size, len(data)):
        kind, length = struct.unpack_from("<4sI", data, at)
        chunk = Chunk(kind, at + _CHUNK_BYTES, length)
        yield chunk
        at = chunk.end


def read_webp(data: bytes) -> FileContents:
    """Return the file as it is, or repaired if it is damaged after the pixels."""
    end = _HEADER_BYTES
    is_end_damaged = has_pixels = False
    for chunk in iterate_chunks(data):
        has_pixels |= chunk.kind in _PIXEL_KINDS
        if chunk.start + chunk.length > len(data) and chunk.kind not in _PIXEL_KINDS:
            is_end_damaged = True
            break
        end = chunk.end
    declared = 8 + int.from_bytes(data[4:8], "little")
    whole = data
    # An incomplete chunk of pixels is an error. The decoder reports it.
    if end <= len(data) + 1 and (is_end_damaged or declared > len(data)):
        whole = b"".join((b"RIFF", struct.pack("<I", end - 8), data[8:end], bytes(max(0, end - len(data)))))
    slices = Slices(whole)
    slices.add(0, len(whole))
    warnings = (_DAMAGED_END,) if whole is not data else ()
    return FileContents(pixels=slices, is_recognized=has_pixels, warnings=warnings)
