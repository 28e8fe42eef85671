"""Boxes of ISO base media files (ISO/IEC 14496-12, clause 4.2), which AVIF and HEIF files consist of.

Reading is bounded: sizes outside of the enclosing box end the iteration, and a file has at most ``MAX_BOXES`` boxes on
each level. Nothing is copied before it is needed.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: Maximum number of boxes to read on one level. The largest known photographs have a few hundred properties.
MAX_BOXES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four-character type, and where its content starts and ends in the file."""

    kind: bytes
    start: int
    end: int


def iterate_boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two positions. Stop at the first box that is damaged or reaches beyond ``end``."""
    end = min(end, len(data))
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and content + 8 <= end:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = start + size if size else end
        if not content <= stop <= end:
            return
        yield Box(kind, content, stop)
        start = stop


def find_box(data: bytes, kind: bytes, start: int, end: int) -> Box | None:
    """Return the first box of this type between two positions, or None."""
    return next((box for box in iterate_boxes(data, start, end) if box.kind == kind), None)


def read_version(data: bytes, box: Box) -> tuple[int, int]:
    """Return version and flags of a full box. Its content starts 4 bytes after ``box.start``.

    Raises struct.error if the box is too short, as all ``unpack_from`` calls do.
    """
    (word,) = struct.unpack_from(">I", data, box.start)
    return word >> 24, word & 0xFFFFFF


def is_cut_off(data: bytes) -> bool:
    """Return True if the last box of a file ends after the file, or if the file ends inside of a box's header."""
    start = 0
    for _ in range(MAX_BOXES):
        if start == len(data):
            return False
        if start + 8 > len(data):
            return True
        size, _ = struct.unpack_from(">I4s", data, start)
        if size == 1 and start + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, start + 8)
        if size < 8:  # 0: to the end of the file; others are invalid
            return False
        start += size
        if start > len(data):
            return True
    return False
