"""Animations that are written block by block, so that a test controls every field: rectangles, disposal, blending."""

import random
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image

KEEP: Final = "keep"
CLEAR: Final = "clear"
PREVIOUS: Final = "previous"
#: The number of each disposal. A WebP has no ``PREVIOUS``.
_GIF_DISPOSALS: Final = {KEEP: 1, CLEAR: 2, PREVIOUS: 3}
_APNG_DISPOSALS: Final = {KEEP: 0, CLEAR: 1, PREVIOUS: 2}
_CLEAR_CODE: Final = 256
_END_CODE: Final = 257
#: The LZW codes would grow to 10 bits after 254 codes.
_CODES_PER_TABLE: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One frame of an animation to be written."""

    image: Image.Image
    at: tuple[int, int] = (0, 0)
    disposal: str = KEEP
    #: False replaces the pixels below the frame. A GIF always blends.
    blend: bool = True
    milliseconds: int = 100
    #: In an APNG, the duration is ``milliseconds`` / ``denominator`` seconds.
    denominator: int = 1000


def make_gif(
    size: tuple[int, int],
    frames: Iterable[Drawn],
    *,
    before: bytes = b"",
    after: bytes = b"",
    background: int = 0,
) -> bytes:
    """Return a GIF. Pixels with alpha 0 become the transparent entry. ``before`` and ``after`` are extra blocks."""
    screen = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80, background, 0) + b"\xff\x00\xff\x00\xff\x00"
    return screen + before + b"".join(make_gif_frame(frame) for frame in frames) + after + b";"


def make_gif_frame(frame: Drawn) -> bytes:
    """Return the control block and the image block of a frame."""
    reduced = frame.image.convert("RGB").quantize(255, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    alpha = frame.image.convert("RGBA").getchannel("A")
    indexes = bytes(
        index if visible >= 128 else 255 for index, visible in zip(reduced.tobytes(), alpha.tobytes(), strict=True)
    )
    colors = bytes(reduced.getpalette() or ()).ljust(768, b"\0")[:768]
    flags = _GIF_DISPOSALS[frame.disposal] << 2 | (255 in indexes)
    control = b"!\xf9\x04" + struct.pack("<BHB", flags, frame.milliseconds // 10, 255) + b"\0"
    header = b"," + struct.pack("<HHHHB", *frame.at, *frame.image.size, 0x87)
    return control + header + colors + b"\x08" + make_sub_blocks(pack_lzw(indexes))


def make_application_block(name: bytes, *parts: bytes) -> bytes:
    """Return an application extension of a GIF: its name of 11 bytes, and its sub-blocks."""
    return b"!\xff\x0b" + name + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def make_loop_block(loops: int, name: bytes = b"NETSCAPE2.0") -> bytes:
    """Return the block that says how often a GIF repeats; 0 means forever."""
    return make_application_block(name, b"\x01" + struct.pack("<H", loops))


def make_sub_blocks(data: bytes) -> bytes:
    """Return data in sub-blocks of at most 255 bytes."""
    parts = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def pack_lzw(indexes: bytes) -> bytes:
    """Return the LZW codes of 9 bits, without any compression."""
    codes: list[int] = []
    for at in range(0, len(indexes), _CODES_PER_TABLE):
        codes += [_CLEAR_CODE, *indexes[at : at + _CODES_PER_TABLE]]
    codes.append(_END_CODE)
    bits = "".join(f"{code:09b}" for code in reversed(codes))
    return int(bits, 2).to_bytes((9 * len(codes) + 7) // 8, "little")


def make_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def make_apng(
    size: tuple[int, int],
    frames: Sequence[Drawn],
    *,
    plays: int = 0,
    hidden: Image.Image | None = None,
    count: int | None = None,
) -> bytes:
    """Return an APNG in RGBA. ``hidden`` is a still image that is no frame; ``count`` overrides num_frames."""
    parts = [
        b"\x89PNG\r\n\x1a\n",
        make_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 6, 0, 0, 0)),
        make_chunk(b"acTL", struct.pack(">II", len(frames) if count is None else count, plays)),
    ]
    if hidden:
        parts.append(make_chunk(b"IDAT", _pack_rows(hidden)))
    sequence = 0
    for number, frame in enumerate(frames):
        parts.append(make_frame_control(frame, sequence))
        sequence += 1
        if number == 0 and hidden is None:
            parts.append(make_chunk(b"IDAT", _pack_rows(frame.image)))
        else:
            parts.append(make_chunk(b"fdAT", struct.pack(">I", sequence) + _pack_rows(frame.image)))
            sequence += 1
    return b"".join([*parts, make_chunk(b"IEND", b"")])


def split_png(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return type and content of each chunk of a PNG."""
    chunks, at = [], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunks.append((kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def make_frame_control(frame: Drawn, sequence: int) -> bytes:
    """Return an fcTL chunk."""
    size = frame.image.size
    content = struct.pack(">IIIIIHHBB", sequence, *size, *frame.at, frame.milliseconds, frame.denominator,
                          _APNG_DISPOSALS[frame.disposal], frame.blend)  # fmt: skip
    return make_chunk(b"fcTL", content)


def _pack_rows(image: Image.Image) -> bytes:
    data, step = image.convert("RGBA").tobytes(), 4 * image.width or 1
    return zlib.compress(b"".join(b"\0" + data[at : at + step] for at in range(0, len(data), step)))


def make_webp(
    size: tuple[int, int],
    frames: Iterable[Drawn],
    *,
    plays: int = 0,
    lossless: bool = True,
) -> bytes:
    """Return an animated WebP. Offsets must be even."""
    parts = [make_animation_block(plays), *(make_webp_frame(frame, lossless=lossless) for frame in frames)]
    return make_riff(make_extended_header(size), *parts)


def make_extended_header(size: tuple[int, int], flags: int = 0x12) -> bytes:
    """Return a VP8X chunk. The default flags are animation and alpha."""
    width, height = ((side - 1).to_bytes(3, "little") for side in size)
    return make_riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + width + height)


def make_animation_block(plays: int) -> bytes:
    """Return an ANIM chunk with an opaque background, which browsers ignore."""
    return make_riff_chunk(b"ANIM", struct.pack("<IH", 0xFF0000FF, plays))


def make_webp_frame(frame: Drawn, *, lossless: bool = True) -> bytes:
    """Return an ANMF chunk."""
    file = BytesIO()
    frame.image.save(file, "WEBP", lossless=lossless, exact=True, quality=90)
    body = b"".join(make_riff_chunk(kind, content) for kind, content in split_riff(file.getvalue()) if kind != b"VP8X")
    numbers = (frame.at[0] // 2, frame.at[1] // 2, frame.image.width - 1, frame.image.height - 1, frame.milliseconds)
    flags = (0 if frame.blend else 2) | (frame.disposal == CLEAR)
    header = b"".join(number.to_bytes(3, "little") for number in numbers) + bytes([flags])
    return make_riff_chunk(b"ANMF", header + body)


def split_riff(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    """Yield the chunks of a WebP."""
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def make_riff_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk, padded to an even length."""
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def make_riff(*chunks: bytes) -> bytes:
    """Return a WebP of chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def draw_frame(chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """Return random blocks of a few colors, some of them transparent or half transparent."""
    colors = [(*(chance.randrange(256) for _ in range(3)), chance.choice((255, 255, 0, 128))) for _ in range(5)]
    small = Image.new("RGBA", (4, 4))
    small.putdata([chance.choice(colors) for _ in range(16)])
    return small.resize(size, Image.Resampling.NEAREST)


def draw_animation(chance: random.Random, size: tuple[int, int], *, step: int = 1) -> list[Drawn]:
    """Return frames with random rectangles, disposal, blending and durations. The first one covers the canvas.

    Offsets are multiples of ``step``.
    """
    frames = []
    for index in range(chance.randint(2, 7)):
        left, upper = (step * chance.randrange((side - 1) // step + 1) if index else 0 for side in size)
        width, height = (
            chance.randint(1, side - start) if index else side for side, start in zip(size, (left, upper), strict=True)
        )
        frames.append(
            Drawn(
                image=draw_frame(chance, (width, height)),
                at=(left, upper),
                disposal=chance.choice((KEEP, CLEAR, PREVIOUS)),
                blend=chance.random() < 0.6,
                milliseconds=chance.choice((0, 10, 20, 50, 330)),
            )
        )
    return frames


def make_random_gif(chance: random.Random) -> bytes:
    """Return a GIF with random frames, of which the first one does not cover the canvas, and random loop blocks."""
    size = chance.randint(4, 40), chance.randint(4, 40)
    frames = draw_animation(chance, size)[1:] * 2 + draw_animation(chance, size)
    blocks = [make_loop_block(chance.choice((0, 1, 3, 65_535)), chance.choice((b"NETSCAPE2.0", b"ANIMEXTS1.0")))
              for _ in range(chance.randrange(3))]  # fmt: skip
    is_at_end = chance.random() < 0.3
    before, after = (b"", b"".join(blocks)) if is_at_end else (b"".join(blocks), b"")
    return make_gif(size, frames, before=before, after=after)


def make_random_apng(chance: random.Random) -> bytes:
    """Return an APNG with random frames, sometimes with a hidden still image."""
    size = chance.randint(4, 40), chance.randint(4, 40)
    hidden = draw_frame(chance, size) if chance.random() < 0.3 else None
    return make_apng(size, draw_animation(chance, size), plays=chance.choice((0, 1, 4)), hidden=hidden)


def make_random_webp(chance: random.Random) -> bytes:
    """Return an animated WebP with random frames, lossy or lossless."""
    size = chance.randint(4, 40), chance.randint(4, 40)
    frames = draw_animation(chance, size, step=2)[chance.randrange(2) :]
    return make_webp(size, frames, plays=chance.choice((0, 1, 4)), lossless=chance.random() < 0.6)


#: Makers of random animations by media type.
RANDOM_ANIMATIONS: Final[Mapping[str, Callable[[random.Random], bytes]]] = {
    "image/gif": make_random_gif,
    "image/apng": make_random_apng,
    "image/webp": make_random_webp,
}
