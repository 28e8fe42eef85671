"""The blocks of a GIF (GIF89a specification), read as Chromium reads them.

- The canvas is transparent at first. The background color has no effect.
- The canvas is enlarged to contain the first frame. The parts of later frames outside of the canvas are not shown.
- The number of plays is in the last application block of NETSCAPE2.0 or ANIMEXTS1.0, anywhere in the file. It stores
  repeats, so the animation plays once more. Without a block, it plays once.
- A color index outside of the palette is black.
- After a byte that starts no block, nothing is read.
"""

import struct
from typing import Final

from worker.imaging.containers.animation import (
    FRAMES_IGNORED,
    Disposal,
    StoredAnimation,
    StoredFrame,
    compute_played_duration,
)
from worker.imaging.containers.contents import FileDamaged

SIGNATURES: Final = (b"GIF87a", b"GIF89a")
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL_LABEL, _APPLICATION_LABEL = 0xF9, 0xFF
#: Start of an application block with a number of repeats: the length and the name of the application, then the length
#: and the number of the sub-block.
_LOOPING: Final = (b"\x0bNETSCAPE2.0\3\1", b"\x0bANIMEXTS1.0\3\1")
#: Browsers treat the undefined value 4 like 3, because some programs write it.
_DISPOSALS: Final = {2: Disposal.CLEAR, 3: Disposal.RESTORE, 4: Disposal.RESTORE}
_HAS_PALETTE, _PALETTE_SIZE, _INTERLACED, _TRANSPARENT = 0x80, 0x07, 0x40, 0x01
#: Bytes of a palette with 256 colors. Every frame gets one of this size.
_PALETTE_BYTES: Final = 768
_SCREEN_BYTES: Final = 13
_DESCRIPTOR: Final = struct.Struct("<HHHHB")


def read_gif(data: bytes, max_frames: int) -> StoredAnimation:
    """Return the frames of a GIF, at most ``max_frames``. Raises FileDamaged if there is none."""
    reader = _GifReader(data, max_frames)
    reader.read()
    if not reader.frames:
        raise FileDamaged("The GIF has no frame.")
    return StoredAnimation(
        size=reader.size,
        frames=tuple(reader.frames),
        plays=reader.plays,
        warnings=(FRAMES_IGNORED,) if reader.is_damaged else (),
    )


class _GifReader:
    """Collects frames and the number of plays in one pass over the blocks."""

    def __init__(self, data: bytes, max_frames: int) -> None:
        self._data = data
        self._max_frames = max_frames
        self._view = memoryview(data)
        self._palette = b""
        #: The control block that applies to the next frame: flags, duration in 1/100 s, transparent index.
        self._control = (0, 0, 0)
        self.size = (0, 0)
        self.frames: list[StoredFrame] = []
        self.plays = 1
        self.is_damaged = False

    def read(self) -> None:
        """Read blocks up to the trailer, the end of the file or damage."""
        try:
            self._read_blocks(self._read_screen())
        except (IndexError, struct.error):
            self.is_damaged = True  # The file is truncated.

    def _read_screen(self) -> int:
        """Read the logical screen and the global palette. Return the offset after them."""
        self.size = struct.unpack_from("<HH", self._data, 6)
        end = _SCREEN_BYTES + _compute_palette_bytes(self._data[10])
        self._palette = self._data[_SCREEN_BYTES:end]
        return end

    def _read_blocks(self, offset: int) -> None:
        data = self._data
        while len(self.frames) < self._max_frames and offset < len(data) and (kind := data[offset]) != _TRAILER:
            if kind == _EXTENSION:
                offset = self._read_extension(offset + 1)
            elif kind == _IMAGE:
                offset = self._read_image(offset + 1)
            elif self.frames:
                self.is_damaged = True
                return
            else:
                offset += 1  # Skip stray bytes before the first frame, like Pillow.

    def _read_extension(self, offset: int) -> int:
        data = self._data
        label, start = data[offset], offset + 1
        if label == _CONTROL_LABEL and data[start] >= 4:
            self._control = struct.unpack_from("<BHB", data, start + 1)
        elif label == _APPLICATION_LABEL and data[start : start + 14] in _LOOPING:
            (repeats,) = struct.unpack_from("<H", data, start + 14)
            self.plays = repeats + 1 if repeats else 0
        return _skip_sub_blocks(data, start)

    def _read_image(self, offset: int) -> int:
        left, upper, width, height, flags = _DESCRIPTOR.unpack_from(self._data, offset)
        palette_at = offset + _DESCRIPTOR.size
        pixels_at = palette_at + _compute_palette_bytes(flags)
        palette = self._data[palette_at:pixels_at] if flags & _HAS_PALETTE else self._palette
        try:
            end = _skip_sub_blocks(self._data, pixels_at + 1)
        except IndexError:
            end = len(self._data)  # The frame is truncated. Decoding it fails.
        if not self.frames:
            self.size = max(self.size[0], left + width), max(self.size[1], upper + height)
        control, duration, transparent = self._control
        self._control = (0, 0, 0)
        parts = (
            b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0),
            b"!\xf9\x04" + struct.pack("<BHB", control & _TRANSPARENT, 0, transparent) + b"\0",
            b"," + _DESCRIPTOR.pack(0, 0, width, height, _HAS_PALETTE | flags & _INTERLACED | _PALETTE_SIZE),
            palette.ljust(_PALETTE_BYTES, b"\0"),
            self._view[pixels_at:end],
            b";",
        )
        self.frames.append(
            StoredFrame(
                box=(left, upper, left + width, upper + height),
                milliseconds=compute_played_duration(10 * duration),
                disposal=_DISPOSALS.get(control >> 2 & 7, Disposal.KEEP),
                parts=parts,
            )
        )
        return end


def _compute_palette_bytes(flags: int) -> int:
    return 3 << ((flags & _PALETTE_SIZE) + 1) if flags & _HAS_PALETTE else 0


def _skip_sub_blocks(data: bytes, offset: int) -> int:
    """Return the offset after a chain of sub-blocks, each preceded by its length. Raises IndexError at the end."""
    while length := data[offset]:
        offset += 1 + length
    return offset + 1
