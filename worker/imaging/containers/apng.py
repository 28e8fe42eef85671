"""The animation chunks of a PNG (W3C PNG, third edition, section 4.9).

As in Chromium, an invalid acTL chunk has no effect, and nothing is read after the first fcTL chunk that is damaged or
has a wrong sequence number.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from shared.pipeline.png_chunks import SIGNATURE, Chunk, iterate_chunks
from shared.pipeline.sizes import Size
from worker.imaging.containers.animation import (
    CONTROL_IGNORED,
    FRAMES_IGNORED,
    Disposal,
    Part,
    StoredAnimation,
    StoredFrame,
    compute_played_duration,
)

_MAX_NUMBER: Final = 2**31 - 1
_CONTROL: Final = struct.Struct(">IIIIIHHBB")
_DISPOSALS: Final = {0: Disposal.KEEP, 1: Disposal.CLEAR, 2: Disposal.RESTORE}
_BLENDS: Final = {0: False, 1: True}
#: Chunks that every frame needs.
_SHARED: Final = (b"PLTE", b"tRNS")
#: The denominator of a delay if the stored one is 0.
_DEFAULT_DENOMINATOR: Final = 100


#: A part of the compressed pixels, and False if its checksum is wrong.
_Pixels = tuple[memoryview, bool]


class _ControlDamaged(ValueError):
    """The sequence of the animation chunks is broken here."""


def read_apng(data: bytes, max_frames: int) -> tuple[StoredAnimation | None, tuple[str, ...]]:
    """Return the frames of a PNG, at most ``max_frames``, and warnings.

    The animation is None if the file has none, if it consists of the still image, or if it is damaged so that only the
    still image can be shown.
    """
    reader = _ApngReader(data, max_frames)
    try:
        reader.read()
    except _ControlDamaged:
        reader.is_damaged = True
    if reader.count is None:
        return None, (CONTROL_IGNORED,) if reader.is_damaged else ()
    frames = tuple(reader.build_frames())
    if not frames or (len(frames) == 1 and not reader.is_still_hidden):
        return None, (CONTROL_IGNORED,) if reader.is_damaged or reader.count > 1 else ()
    is_cut = reader.is_damaged or len(frames) < min(reader.count, max_frames)
    animation = StoredAnimation(size=reader.size, frames=frames, plays=reader.plays)
    return animation, (FRAMES_IGNORED,) if is_cut else ()


class _ApngReader:
    """Collects the animation chunks in one pass over the file."""

    def __init__(self, data: bytes, max_frames: int) -> None:
        self._data = data
        self._view = memoryview(data)
        self._max_frames = max_frames
        self._header = b""
        self._shared: list[Part] = []
        self._sequence = 0
        self._has_still = False
        #: Each frame: the content of its fcTL chunk, and its compressed pixels.
        self._frames: list[tuple[bytes, list[_Pixels]]] = []
        #: Number of frames in acTL; None if there is no valid acTL chunk.
        self.count: int | None = None
        self.plays = 0
        self.size = (0, 0)
        #: True if the still image is not a frame.
        self.is_still_hidden = True
        self.is_damaged = False

    def read(self) -> None:
        """Read the chunks. Raises _ControlDamaged if the rest of the animation can't be used."""
        for chunk in iterate_chunks(self._data):
            if chunk.kind == b"IHDR":
                self._header = chunk.read(self._data)
                self.size = struct.unpack_from(">II", self._header)
            elif chunk.kind == b"acTL":
                self._read_count(chunk)
            elif chunk.kind in _SHARED and chunk.is_intact(self._data) and not self._has_still:
                self._shared += build_chunk(chunk.kind, self._get_content(chunk))
            elif chunk.kind == b"IDAT":
                if self.count is None:
                    return
                self._read_still(chunk)
            elif chunk.kind in {b"fcTL", b"fdAT"}:
                if chunk.kind == b"fcTL" and self._has_all_frames():
                    return
                self._read_frame_chunk(chunk)

    def _has_all_frames(self) -> bool:
        """Return True if no frame follows. If acTL has too small a number, the animation is damaged."""
        if self.count is None:
            return False
        self.is_damaged = len(self._frames) == self.count < self._max_frames
        return len(self._frames) >= min(self.count, self._max_frames)

    def _get_content(self, chunk: Chunk) -> memoryview:
        return self._view[chunk.start : chunk.end]

    def _read_count(self, chunk: Chunk) -> None:
        if self.count is not None or self._has_still:
            return
        if chunk.length != 8 or not chunk.is_intact(self._data):
            raise _ControlDamaged
        count, plays = struct.unpack(">II", chunk.read(self._data))
        if not 0 < count <= _MAX_NUMBER or plays > _MAX_NUMBER:
            raise _ControlDamaged
        self.count, self.plays = count, plays

    def _read_still(self, chunk: Chunk) -> None:
        if not self._has_still:
            self._has_still = True
            self.is_still_hidden = not self._frames
        if not self.is_still_hidden:
            self._frames[0][1].append(self._read_pixels(chunk, 0))

    def _read_frame_chunk(self, chunk: Chunk) -> None:
        content = self._get_content(chunk)
        if len(content) < 4 or int.from_bytes(content[:4], "big") != self._sequence:
            raise _ControlDamaged
        self._sequence += 1
        if chunk.kind == b"fcTL":
            if chunk.length != _CONTROL.size or not chunk.is_intact(self._data):
                raise _ControlDamaged
            self._frames.append((bytes(content), []))
        elif self._frames and self._has_still:
            self._frames[-1][1].append(self._read_pixels(chunk, 4))
        else:
            raise _ControlDamaged

    def build_frames(self) -> Iterator[StoredFrame]:
        """Yield the frames. Yield none if the still image is a frame that does not have the size of the canvas."""
        for index, (control, pixels) in enumerate(self._frames):
            _, width, height, left, upper, numerator, denominator, disposal, blend = _CONTROL.unpack(control)
            box = (left, upper, left + width, upper + height)
            if index == 0 and not self.is_still_hidden and box != (0, 0, *self.size):
                return
            is_inside = width and height and box[2] <= self.size[0] and box[3] <= self.size[1]
            is_valid = bool(is_inside and pixels and disposal in _DISPOSALS and blend in _BLENDS)
            yield StoredFrame(
                box=box,
                milliseconds=compute_played_duration(1000 * numerator / (denominator or _DEFAULT_DENOMINATOR)),
                disposal=_DISPOSALS.get(disposal, Disposal.KEEP),
                blends=_BLENDS.get(blend, True),
                parts=self._build_still((width, height), pixels) if is_valid else (),
            )

    def _read_pixels(self, chunk: Chunk, skipped: int) -> _Pixels:
        is_intact = chunk.is_intact(self._data) or not chunk.is_complete(self._data)
        return self._get_content(chunk)[skipped:], is_intact

    def _build_still(self, size: Size, pixels: list[_Pixels]) -> tuple[Part, ...]:
        header = struct.pack(">II", *size) + self._header[8:]
        return (
            SIGNATURE,
            *build_chunk(b"IHDR", header),
            *self._shared,
            *(part for content, is_intact in pixels for part in build_chunk(b"IDAT", content, is_intact=is_intact)),
            *build_chunk(b"IEND", b""),
        )


def build_chunk(kind: bytes, content: Part, *, is_intact: bool = True) -> tuple[Part, ...]:
    """Return the parts of a chunk, with a wrong checksum if the content may be damaged."""
    checksum = zlib.crc32(content, zlib.crc32(kind)) ^ (not is_intact)
    return struct.pack(">I4s", len(content), kind), content, struct.pack(">I", checksum)
