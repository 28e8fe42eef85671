"""The scans of a progressive JPEG (ITU-T T.81, annex G), and a file without those that an image does not need.

libjpeg decodes every scan of a file, even if it discards the result. Decoding scans takes most of the time of a
progressive JPEG.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.pipeline.jpeg_segments import SOS, Segment, iterate_segments
from worker.imaging.containers.slices import Slices

#: Frame headers of progressive JPEGs: with Huffman coding, and with arithmetic coding.
_PROGRESSIVE: Final = (0xC2, 0xCA)
_EOI, _ADOBE_MARKER = 0xD9, 0xEE
#: Segments that may stand between scans: DHT, DAC, DQT, DRI, APP0 to APP15 and COM.
_BETWEEN_SCANS: Final = frozenset({0xC4, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
#: A marker within entropy-coded data, which contains only stuffed zeros, fill bytes and RST0 to RST7 otherwise.
_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_CHANNELS: Final = 3
#: Where an Adobe segment says how colors are stored, and the value for RGB.
_TRANSFORM_AT, _NO_TRANSFORM = 11, b"\0"
#: Files with more scans are decoded as they are. Encoders write about ten.
_MAX_SCANS: Final = 200


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of a progressive JPEG."""

    #: Offset of the marker of its header in the file.
    start: int
    #: Offset after its entropy-coded data.
    end: int
    #: Identifiers of the channels.
    channels: bytes
    #: True if the scan adds bits to coefficients other than the mean of a block.
    refines_details: bool


def skip_scans(data: bytes, pixels: Slices, *, chroma: bool, refinements: bool) -> Slices | None:
    """Return the file without scans that only have ``chroma``, or that only add bits to details (``refinements``).

    ``pixels`` are the slices of ``data`` that Pillow reads. Return None if no scan can be skipped: if the file is not
    progressive, does not store three channels as luma and chroma, or is damaged or truncated.
    """
    luma = _find_luma(data)
    scans = None if luma is None else _read_scans(data)
    if luma is None or scans is None:
        return None
    skipped = [
        (scan.start, scan.end)
        for scan in scans
        if (chroma and luma not in scan.channels) or (refinements and scan.refines_details)
    ]
    return pixels.without(skipped) if 0 < len(skipped) < len(scans) else None


def _find_luma(data: bytes) -> int | None:
    """Return the identifier of the luma channel of a progressive JPEG, or None (libjpeg: default_decompress_parms)."""
    frame: Segment | None = None
    for segment in iterate_segments(data):
        if segment.marker in _PROGRESSIVE:
            frame = segment
        elif segment.marker == _ADOBE_MARKER and data[segment.start : segment.end][_TRANSFORM_AT:][:1] == _NO_TRANSFORM:
            return None
    if frame is None:
        return None
    names = data[frame.start + 6 : frame.end : 3]
    return names[0] if len(names) == _CHANNELS and names != b"RGB" else None


def _read_scans(data: bytes) -> list[Scan] | None:
    """Return all scans, or None if the file does not end with EOI, or if anything else is unusual."""
    first = next((segment for segment in iterate_segments(data) if segment.marker == SOS), None)
    scans: list[Scan] = []
    for marker, start, end in _iterate_markers(data, first.whole[0] if first else len(data)):
        if marker == _EOI:
            return scans
        if marker == SOS:
            count = data[start + 4]
            spectral_start, _, approximation = data[end - 3 : end]
            found = _MARKER.search(data, end)
            if found is None or end - start != 8 + 2 * count or len(scans) == _MAX_SCANS:
                return None
            channels = data[start + 5 : end - 3 : 2]
            scans.append(Scan(start, found.start(), channels, spectral_start > 0 and approximation >> 4 > 0))
        elif marker not in _BETWEEN_SCANS:
            return None
    return None


def _iterate_markers(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Yield each marker from an offset on, with the offset of its segment and the offset after its header."""
    while found := _MARKER.search(data, at):
        start, marker = found.start(), data[found.start() + 1]
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        at = start + 2 if marker == _EOI else start + 2 + max(length, 2)
        if at > len(data):
            return
        yield marker, start, at
