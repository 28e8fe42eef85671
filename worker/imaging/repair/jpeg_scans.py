"""The scans of a JPEG, which show if all of its pixels are there although its end is damaged (ITU-T T.81, B.2.3)."""

import re
from dataclasses import dataclass
from typing import Final

from shared.pipeline.jpeg_segments import SOS, iterate_segments

#: The first marker after the coded data: not a stuffed byte, a restart marker or a fill byte.
_END_OF_CODED: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
#: Tables between scans: DHT, DAC, DQT and DRI, and what is skipped: APP0 to APP15 and COM.
_BETWEEN: Final = frozenset({0xC4, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_PROGRESSIVE: Final = frozenset({0xC2, 0xCA})
_COEFFICIENTS: Final = 64


@dataclass(slots=True)
class _Coverage:
    """Which bits of which coefficients the scans contain."""

    is_progressive: bool
    #: For each component, the lowest bit of each coefficient so far; None if the coefficient is missing.
    lowest: dict[int, list[int | None]]

    def add(self, header: bytes) -> bool:
        """Add a scan. Return False if its header is invalid."""
        count = header[0] if header else 0
        if not 0 < count <= 4 or len(header) < 4 + 2 * count:
            return False
        components = header[1 : 1 + 2 * count : 2]
        first, last, bits = header[1 + 2 * count : 4 + 2 * count]
        low = bits & 15
        if not self.is_progressive:
            first, last, low = 0, _COEFFICIENTS - 1, 0
        if not first <= last < _COEFFICIENTS or any(each not in self.lowest for each in components):
            return False
        for component in components:
            self.lowest[component][first : last + 1] = [low] * (last + 1 - first)
        return True

    @property
    def is_complete(self) -> bool:
        return all(low == 0 for coefficients in self.lowest.values() for low in coefficients)


def find_end_of_scans(data: bytes) -> int | None:
    """Return the offset after the coded data of the last scan that is needed. Return None if scans are missing.

    The coded data of this scan can be cut off. ``data`` starts with SOI.
    """
    coverage = None
    start = None
    for segment in iterate_segments(data):
        if segment.marker in _FRAMES and coverage is None:
            coverage = _read_frame(data[segment.start : segment.end], segment.marker in _PROGRESSIVE)
        if segment.marker == SOS:
            start = segment.start
    if coverage is None:
        return None
    while start is not None:
        end = start - 2 + int.from_bytes(data[start - 2 : start], "big")
        if not coverage.add(data[start:end]):
            return None
        found = _END_OF_CODED.search(data, end)
        after = found.start() if found else len(data)
        if coverage.is_complete:
            return after
        start = _find_next_scan(data, after)
    return None


def _read_frame(content: bytes, is_progressive: bool) -> _Coverage | None:
    components = content[6::3]
    return _Coverage(is_progressive, {each: [None] * _COEFFICIENTS for each in components}) if components else None


def _find_next_scan(data: bytes, at: int) -> int | None:
    """Return where the content of the next SOS starts, or None if another marker than a table comes first."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker in {0x00, 0xFF}:
            at += 1
            continue
        if marker == SOS:
            return at + 4
        if marker not in _BETWEEN:
            return None
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
