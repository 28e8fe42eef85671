"""A read-only file that consists of slices of a larger one, without a copy of the bytes."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from io import SEEK_CUR, SEEK_END, SEEK_SET, RawIOBase


class Slices:
    """Slices of a file, in order. Adjacent slices are merged, and each takes 24 bytes of memory."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._starts = array("Q")
        #: Where each slice starts in the new file.
        self._places = array("Q")
        self._ends = array("Q")
        self._size = 0

    def add(self, start: int, end: int) -> None:
        """Append the bytes from ``start`` to before ``end``, which can be after the end of the file."""
        end = min(end, len(self._data))
        if end <= start:
            return
        if self._ends and self._ends[-1] == start:
            self._ends[-1] = end
        else:
            self._starts.append(start)
            self._ends.append(end)
            self._places.append(self._size)
        self._size += end - start

    @property
    def size(self) -> int:
        """Return the number of bytes in all slices together."""
        return self._size

    def without(self, ranges: Iterable[tuple[int, int]]) -> "Slices":
        """Return the slices without ranges of the last slice: offsets in the whole file, in order."""
        kept = Slices(self._data)
        for start, end in zip(self._starts[:-1], self._ends[:-1], strict=True):
            kept.add(start, end)
        at = self._starts[-1]
        for start, end in ranges:
            kept.add(at, start)
            at = end
        kept.add(at, self._ends[-1])
        return kept

    def read(self, place: int, count: int) -> bytes:
        """Return up to ``count`` bytes of the new file, starting at ``place``."""
        end = min(place + count, self._size)
        if place >= end:
            return b""
        parts: list[memoryview] = []
        index = bisect_right(self._places, place) - 1
        while place < end:
            start = self._starts[index] + place - self._places[index]
            part = self._data[start : min(self._ends[index], start + end - place)]
            parts.append(part)
            place += len(part)
            index += 1
        return b"".join(parts)


class SlicedFile(RawIOBase):
    """Slices as a file object. Reads never return fewer bytes than requested, except at the end."""

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._place = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._place

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Set the position and return it."""
        base = {SEEK_SET: 0, SEEK_CUR: self._place, SEEK_END: self._slices.size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """Return the next ``size`` bytes, or all if ``size`` is negative or None."""
        count = self._slices.size if size is None or size < 0 else size
        data = self._slices.read(self._place, count)
        self._place += len(data)
        return data
