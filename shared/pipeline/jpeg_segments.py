"""The segments of a JPEG (ITU-T T.81, annex B)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SIGNATURE: Final = b"\xff\xd8\xff"
SOS: Final = 0xDA

_SOI, _EOI = 0xD8, 0xD9
#: The first of the markers of frames, tables and scans. Markers below are reserved, and have no content.
_FIRST_WITH_CONTENT: Final = 0xC0
#: RST0 to RST7, SOI and EOI.
_WITHOUT_CONTENT: Final = frozenset(range(0xD0, 0xDA))
#: Bytes after the marker that hold the length of the segment, the length itself included.
_LENGTH_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a JPEG file."""

    marker: int
    #: Offset of the first byte of the content in the file.
    start: int
    #: Offset after the content.
    end: int

    @property
    def whole(self) -> tuple[int, int]:
        """Return where the segment starts and ends, with its marker and length."""
        return self.start - _LENGTH_BYTES - 2, self.end

    def starts_with(self, data: bytes, prefix: bytes) -> bool:
        """Return True if the content starts with a prefix."""
        return data.startswith(prefix, self.start, self.end)


def iterate_segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments from after SOI up to the first SOS, which is the last one.

    Bytes between segments are skipped, like in libjpeg. The iteration ends early at EOI, at a second SOI, and at a
    segment that is longer than the rest of ``data``.
    """
    at = len(SIGNATURE) - 1
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        marker = data[at + 1]
        if marker in {0x00, 0xFF}:  # a byte of pixels, or a fill byte
            at += 1
            continue
        at += 2
        if marker in {_SOI, _EOI}:
            return
        if marker in _WITHOUT_CONTENT or marker < _FIRST_WITH_CONTENT:
            continue
        length = int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        end = at + max(length, _LENGTH_BYTES)
        if end > len(data):
            return
        yield Segment(marker, at + _LENGTH_BYTES, end)
        if marker == SOS:
            return
        at = end
