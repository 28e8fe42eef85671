"""The chunks of an animated WebP (RFC 9649, section 2.7).

As in browsers, the background color and the flag for alpha in the header have no effect.
"""

import struct
from collections.abc import Iterator
from typing import Final

from shared.pipeline.sizes import Size
from worker.imaging.containers.animation import (
    DEFAULT_DURATION,
    FRAMES_IGNORED,
    Disposal,
    Part,
    StoredAnimation,
    StoredFrame,
    compute_played_duration,
)

_RIFF_HEADER_BYTES, _FRAME_HEADER_BYTES, _ANIM_BYTES = 12, 16, 6
#: Offset of the flags in the header (VP8X).
_FLAGS_AT: Final = 20
_ANIMATION_FLAG, _ALPHA_FLAG = 0x02, 0x10
#: Flags of a frame.
_CLEARS, _REPLACES = 0x01, 0x02
_PIXELS: Final = (b"VP8 ", b"VP8L")
_METADATA: Final = (b"ICCP", b"EXIF")
_CHUNK_HEADER: Final = struct.Struct("<4sI")
_PLAYS_MISSING: Final = "The number of plays of the animation is missing. The result plays forever."


def is_animated_webp(data: bytes) -> bool:
    """Return True if the header of a WebP says that it is an animation."""
    return data[12:16] == b"VP8X" and len(data) >= 30 and bool(data[_FLAGS_AT] & _ANIMATION_FLAG)


def read_animated_webp(data: bytes, max_frames: int) -> StoredAnimation | None:
    """Return the frames of an animated WebP, at most ``max_frames``. Return None if the file has no frame."""
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    chunks = _split_chunks(memoryview(data)[:end], _RIFF_HEADER_BYTES)
    _, header = next(chunks)
    size = _read_number(header, 4) + 1, _read_number(header, 7) + 1
    frames: list[StoredFrame] = []
    plays = None
    for kind, content in chunks:
        if kind == b"ANIM" and plays is None and len(content) >= _ANIM_BYTES:
            plays = int.from_bytes(content[4:6], "little")
        elif kind == b"ANMF":
            frames.append(_read_frame(content, size))
            if len(frames) == max_frames:
                break
    if not frames:
        return None
    is_cut = end < 8 + int.from_bytes(data[4:8], "little") and frames[-1].parts and len(frames) < max_frames
    warnings = (*([] if plays is not None else [_PLAYS_MISSING]), *([FRAMES_IGNORED] if is_cut else []))
    return StoredAnimation(size=size, frames=tuple(frames), plays=plays or 0, warnings=warnings)


def set_alpha_flag(data: bytes) -> bytes:
    """Return an animated WebP whose header says that it has transparency.

    libwebp does not say so if all frames are opaque but do not cover the canvas. Some programs then show black.
    """
    return data[:_FLAGS_AT] + bytes((data[_FLAGS_AT] | _ALPHA_FLAG,)) + data[_FLAGS_AT + 1 :]


def read_webp_metadata(data: bytes) -> tuple[bytes | None, bytes | None]:
    """Return the ICC profile and the EXIF of an animated WebP, or None."""
    found: dict[bytes, bytes] = {}
    for kind, content in _split_chunks(memoryview(data), _RIFF_HEADER_BYTES):
        if kind in _METADATA:
            found.setdefault(kind, bytes(content))
    return found.get(b"ICCP"), found.get(b"EXIF")


def _split_chunks(data: memoryview, start: int) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and content of each chunk. The content of the last chunk can be truncated."""
    while start + _CHUNK_HEADER.size <= len(data):
        kind, length = _CHUNK_HEADER.unpack_from(data, start)
        start += _CHUNK_HEADER.size
        yield kind, data[start : start + length]
        start += length + length % 2


def _read_frame(content: memoryview, canvas: Size) -> StoredFrame:
    """Return the frame in an ANMF chunk. If it exceeds the canvas or has no pixels, it is damaged."""
    if len(content) < _FRAME_HEADER_BYTES:
        return StoredFrame(box=(0, 0, *canvas), milliseconds=DEFAULT_DURATION)
    left, upper = 2 * _read_number(content, 0), 2 * _read_number(content, 3)
    width, height = _read_number(content, 6) + 1, _read_number(content, 9) + 1
    flags = content[15]
    is_inside = left + width <= canvas[0] and upper + height <= canvas[1]
    return StoredFrame(
        box=(left, upper, left + width, upper + height),
        milliseconds=compute_played_duration(_read_number(content, 12)),
        disposal=Disposal.CLEAR if flags & _CLEARS else Disposal.KEEP,
        blends=not flags & _REPLACES,
        parts=_build_still(content[_FRAME_HEADER_BYTES:], (width, height)) if is_inside else (),
    )


def _build_still(content: memoryview, size: Size) -> tuple[Part, ...]:
    """Return a WebP that contains the pixels of one frame. ``content`` are its chunks."""
    chunks = dict(reversed([*_split_chunks(content, 0)]))  # Of two chunks of a kind, use the first.
    pixels = next(((kind, chunks[kind]) for kind in _PIXELS if kind in chunks), None)
    if pixels is None:
        return ()
    parts = [*_build_chunk(*pixels)]
    if b"ALPH" in chunks and pixels[0] == b"VP8 ":
        sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
        parts = [
            *_build_chunk(b"VP8X", bytes((_ALPHA_FLAG, 0, 0, 0)) + sides),
            *_build_chunk(b"ALPH", chunks[b"ALPH"]),
            *parts,
        ]
    length = 4 + sum(len(part) for part in parts)
    return (_CHUNK_HEADER.pack(b"RIFF", length) + b"WEBP", *parts)


def _build_chunk(kind: bytes, content: Part) -> tuple[Part, ...]:
    return _CHUNK_HEADER.pack(kind, len(content)), content, b"\0" * (len(content) % 2)


def _read_number(content: memoryview, offset: int) -> int:
    """Return the number of three bytes at an offset."""
    return int.from_bytes(content[offset : offset + 3], "little")
