"""A damaged animation: the frames that are intact are shown, or the still image, with a warning."""

import struct
from collections.abc import Callable

import pytest
from PIL import Image
from support.animation_files import (
    CLEAR,
    PREVIOUS,
    Drawn,
    make_animation_block,
    make_apng,
    make_chunk,
    make_extended_header,
    make_frame_control,
    make_gif,
    make_gif_frame,
    make_riff,
    make_riff_chunk,
    make_sub_blocks,
    make_webp,
    make_webp_frame,
    pack_lzw,
    split_png,
)
from support.played import Result, render_animation

from shared.errors import CorruptImage, NotAnImage, TruncatedImage

RED, GREEN, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)
FULL = Drawn(image=Image.new("RGBA", (8, 8), RED))
PART = Drawn(image=Image.new("RGBA", (4, 4), GREEN))
WHOLE = Drawn(image=Image.new("RGBA", (8, 8), BLUE))
FRAMES = (FULL, PART, WHOLE)
STILL = "The animation data is damaged. Only the still image was processed."
CUT = "The animation is damaged. Frames after the damage were ignored."
ONE_LOST = "1 of 3 frames of the animation are damaged and were left out."
ONE_OF_TWO_LOST = "1 of 2 frames of the animation are damaged and were left out."


def get_first_pixels(played: Result) -> list[tuple[int, ...]]:
    """Return the color in the upper left corner, by frame."""
    return [color for (color,) in played.get_colors((0, 0))]


def make_damaged_gif(*frames: bytes, end: bytes = b";") -> bytes:
    """Return a GIF of blocks."""
    return make_gif((8, 8), [])[:-1] + b"".join(frames) + end


def damage_gif_frame(frame: Drawn) -> bytes:
    """Return blocks of a frame whose LZW codes are invalid from the start."""
    block = make_gif_frame(frame)
    pixels = block.index(b"\x08", 8 + 10 + 768)
    return block[:pixels] + b"\x08" + make_sub_blocks(b"\xff" * 40)


GIF_FRAMES = [make_gif_frame(frame) for frame in FRAMES]
NO_PIXELS = b",\0\0\0\0\0\0\0\0\0\x02\0"
SHORT = b"," + struct.pack("<HHHHB", 0, 0, 4, 4, 0) + b"\x08" + make_sub_blocks(pack_lzw(bytes(9)))


@pytest.mark.parametrize(
    ("data", "colors", "warnings"),
    [
        (make_damaged_gif(*GIF_FRAMES, end=b""), [RED, GREEN, BLUE], ()),
        (make_damaged_gif(*GIF_FRAMES, end=b"!\xf9\x04"), [RED, GREEN, BLUE], (CUT,)),
        (make_damaged_gif(*GIF_FRAMES, end=b"\0\0junk"), [RED, GREEN, BLUE], (CUT,)),
        (make_damaged_gif(*GIF_FRAMES)[:-40], [RED, GREEN], (ONE_LOST,)),
        (make_damaged_gif(GIF_FRAMES[0], damage_gif_frame(PART), GIF_FRAMES[2]), [RED, BLUE], (ONE_LOST,)),
        (make_damaged_gif(GIF_FRAMES[0], SHORT, GIF_FRAMES[2]), [RED, BLUE], (ONE_LOST,)),
        (make_damaged_gif(damage_gif_frame(FULL), *GIF_FRAMES[1:]), [BLUE], ("2" + ONE_LOST[1:],)),
        (make_damaged_gif(GIF_FRAMES[0], NO_PIXELS, GIF_FRAMES[2]), [RED, BLUE], ()),
        (make_damaged_gif(GIF_FRAMES[0], b"\0", GIF_FRAMES[2]), [RED], (CUT,)),
        (make_damaged_gif(b"\0", *GIF_FRAMES), [RED, GREEN, BLUE], ()),
    ],
)
def test_gif(data: bytes, colors: list[tuple[int, ...]], warnings: tuple[str, ...]) -> None:
    """A later frame without pixels is shown as in browsers. Nothing after a byte that starts no block is read."""
    played = render_animation(data)
    assert get_first_pixels(played) == colors
    assert played.warnings == warnings


@pytest.mark.parametrize("frames", [(NO_PIXELS,), (NO_PIXELS, NO_PIXELS), (b",\3\0\3\0\2\0\0\0\0\x02\0",)])
@pytest.mark.parametrize("output", ["png", "gif"])
def test_gif_whose_frames_are_all_empty_is_transparent(frames: tuple[bytes, ...], output: str) -> None:
    """Browsers show the empty canvas."""
    played = render_animation(make_damaged_gif(*frames), output)
    assert played.frames[0].size == (8, 8)
    assert played.frames[0].getchannel("A").getextrema() == (0, 0)
    assert played.warnings == ("The file has no pixels, so the result is transparent.",)


@pytest.mark.parametrize("output", ["gif", "png", "webp", "avif"])
def test_animation_whose_frames_are_all_equal_becomes_a_still_image(output: str) -> None:
    """Encoders merge equal frames."""
    played = render_animation(make_gif((8, 8), [FULL, FULL, FULL]), output)
    assert played.frames[0].convert("RGBA").getpixel((0, 0)) == pytest.approx(RED, abs=3)


def test_gif_without_a_canvas_fails() -> None:
    """There is no size."""
    with pytest.raises(CorruptImage):
        render_animation(make_gif((0, 0), [])[:-1] + NO_PIXELS + b";")


CHUNKS = split_png(make_apng((8, 8), FRAMES))
CONTROL, SECOND, SECOND_PIXELS = CHUNKS[1], CHUNKS[4], CHUNKS[5]

OUTSIDE = b"fcTL", make_frame_control(Drawn(image=PART.image, at=(6, 6)), 1)[8:-4]


def replace_chunk(old: tuple[bytes, bytes], *new: tuple[bytes, bytes]) -> bytes:
    """Return the APNG with a chunk replaced."""
    at = CHUNKS.index(old)
    return join_png([*CHUNKS[:at], *new, *CHUNKS[at + 1 :]])


def join_png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG of chunks."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(make_chunk(kind, content) for kind, content in chunks)


def damage_checksum(chunk: tuple[bytes, bytes]) -> bytes:
    """Return the APNG in which a chunk has a wrong checksum."""
    right = make_chunk(*chunk)
    return join_png(CHUNKS).replace(right, right[:-1] + bytes([right[-1] ^ 1]))


def make_control(count: int, plays: int = 0) -> tuple[bytes, bytes]:
    """Return an acTL chunk."""
    return b"acTL", struct.pack(">II", count, plays)


@pytest.mark.parametrize(
    ("data", "colors", "warnings"),
    [
        (make_apng((8, 8), FRAMES, count=4), [RED, GREEN, BLUE], (CUT,)),
        (make_apng((8, 8), FRAMES, count=2), [RED, GREEN], (CUT,)),
        (make_apng((8, 8), FRAMES, count=1), [RED], (STILL,)),
        (make_apng((8, 8), FRAMES, count=0), [RED], (STILL,)),
        (replace_chunk(CONTROL, make_control(3, 2**31)), [RED], (STILL,)),
        (replace_chunk(CONTROL, (b"acTL", b"\0\0\0\3")), [RED], (STILL,)),
        (damage_checksum(CONTROL), [RED], (STILL,)),
        (replace_chunk(CONTROL, CONTROL, make_control(1)), [RED, GREEN, BLUE], ()),
        (replace_chunk(CONTROL), [RED], ()),
        (join_png([CHUNKS[0], CHUNKS[2], CONTROL, *CHUNKS[3:]]), [RED, GREEN, BLUE], ()),
        (replace_chunk(SECOND, (b"fcTL", b"\0\0\0\7" + SECOND[1][4:])), [RED], (STILL,)),
        (damage_checksum(SECOND), [RED], (STILL,)),
        (replace_chunk(SECOND, (b"fcTL", SECOND[1][:20])), [RED], (STILL,)),
        (replace_chunk(SECOND_PIXELS, (b"fdAT", bytes(4) + SECOND_PIXELS[1][4:])), [RED], (ONE_OF_TWO_LOST,)),
        (replace_chunk(SECOND_PIXELS, (b"fdAT", SECOND_PIXELS[1][:-9])), [RED, BLUE], (ONE_LOST,)),
        (replace_chunk(SECOND, (b"fcTL", SECOND[1][:24] + b"\7\0")), [RED, BLUE], (ONE_LOST,)),
        (replace_chunk(SECOND, (b"fcTL", SECOND[1][:24] + b"\0\7")), [RED, BLUE], (ONE_LOST,)),
        (replace_chunk(SECOND, OUTSIDE), [RED, BLUE], (ONE_LOST,)),
        (damage_checksum(SECOND_PIXELS), [RED, GREEN, BLUE], ()),
        (join_png(CHUNKS)[:-30], [RED, GREEN], (ONE_LOST,)),
        (join_png(CHUNKS[:-2]), [RED, GREEN], (ONE_LOST,)),
        (join_png(CHUNKS[:-1]), [RED, GREEN, BLUE], ()),
        (replace_chunk(CHUNKS[2], (b"fcTL", make_frame_control(PART, 0)[8:-4])), [RED], (STILL,)),
        (make_apng((8, 8), (PART,), hidden=WHOLE.image), [GREEN], ()),
    ],
)  # fmt: skip
def test_apng(data: bytes, colors: list[tuple[int, ...]], warnings: tuple[str, ...]) -> None:
    """The first damaged control chunk ends the animation, and damaged pixels cost their frame."""
    played = render_animation(data)
    assert get_first_pixels(played) == colors
    assert played.warnings == warnings


def test_hidden_still_image_is_shown_if_no_frame_is_intact() -> None:
    """It is a whole image."""
    data = make_apng((8, 8), (FULL, PART), hidden=WHOLE.image)
    broken = join_png([(kind, content[:9] if kind == b"fdAT" else content) for kind, content in split_png(data)])
    for output in ("png", "jpeg"):
        played = render_animation(broken, output)
        assert get_first_pixels(played)[0] == pytest.approx(BLUE, abs=3)
        assert STILL in played.warnings


WEBP_FRAMES = [make_webp_frame(frame) for frame in FRAMES]
HEADER, PLAYS = make_extended_header((8, 8)), make_animation_block(2)
OUTSIDE_FRAME = make_webp_frame(Drawn(image=PART.image, at=(6, 6)))
NO_FRAME = make_riff_chunk(b"ANMF", b"short")
UNKNOWN = make_riff_chunk(b"junk", b"x")
MISSING = "The number of plays of the animation is missing. The result plays forever."


def damage_webp_frame(frame: bytes) -> bytes:
    """Return a frame with a damaged VP8L header."""
    return frame[:32] + b"\xff" * 6 + frame[38:]


LOST_FRAME = damage_webp_frame(WEBP_FRAMES[1])


@pytest.mark.parametrize(
    ("data", "colors", "warnings"),
    [
        (make_riff(HEADER, PLAYS, WEBP_FRAMES[0], LOST_FRAME, WEBP_FRAMES[2]), [RED, BLUE], (ONE_LOST,)),
        (make_riff(HEADER, *WEBP_FRAMES), [RED, GREEN, BLUE], (MISSING,)),
        (make_riff(HEADER, *WEBP_FRAMES, PLAYS), [RED, GREEN, BLUE], ()),
        (make_riff(HEADER, PLAYS, make_animation_block(9), *WEBP_FRAMES), [RED, GREEN, BLUE], ()),
        (make_riff(HEADER, PLAYS, WEBP_FRAMES[0], UNKNOWN, *WEBP_FRAMES[1:]), [RED, GREEN, BLUE], ()),
        (make_riff(HEADER, PLAYS, WEBP_FRAMES[0], OUTSIDE_FRAME, WEBP_FRAMES[2]), [RED, BLUE], (ONE_LOST,)),
        (make_riff(HEADER, PLAYS, WEBP_FRAMES[0], NO_FRAME, WEBP_FRAMES[2]), [RED, BLUE], (ONE_LOST,)),
        (make_riff(HEADER, PLAYS, *WEBP_FRAMES)[:-20], [RED, GREEN], (ONE_LOST,)),
        (make_riff(HEADER, PLAYS, *WEBP_FRAMES)[: -len(WEBP_FRAMES[2])], [RED, GREEN], (CUT,)),
        (make_riff(HEADER, PLAYS, *WEBP_FRAMES) + b"trailing data", [RED, GREEN, BLUE], ()),
    ],
)  # fmt: skip
def test_webp(data: bytes, colors: list[tuple[int, ...]], warnings: tuple[str, ...]) -> None:
    """A damaged ANMF chunk costs its frame. The flags of the header have no effect."""
    played = render_animation(data)
    assert get_first_pixels(played) == colors
    assert played.warnings == warnings


@pytest.mark.parametrize("make", [make_gif, make_apng, make_webp])
@pytest.mark.parametrize(
    ("lost", "following", "colors"),
    [
        # A frame with pixels that the damaged frame should have drawn is left out.
        (PART, [Drawn(image=PART.image, at=(4, 4))], [RED]),
        # The damaged rectangle is cleared, restored or covered.
        (Drawn(image=PART.image, disposal=CLEAR), [Drawn(image=PART.image, at=(4, 4))], [RED, (0, 0, 0, 0)]),
        (PART, [PART], [RED, GREEN]),
        (PART, [Drawn(image=PART.image, at=(4, 4), disposal=CLEAR), PART, WHOLE], [RED, GREEN, BLUE]),
    ],
)
def test_frames_that_depend_on_a_damaged_frame_are_left_out(
    make: Callable[..., bytes], lost: Drawn, following: list[Drawn], colors: list[tuple[int, ...]]
) -> None:
    """Frames that do not show its rectangle are kept."""
    mark = Drawn(image=Image.new("RGBA", lost.image.size, (1, 2, 3, 255)), disposal=lost.disposal)
    played = render_animation(damage_frame(make, [FULL, mark, *following]))
    assert get_first_pixels(played) == colors
    assert any("left out" in warning for warning in played.warnings)


def test_damaged_frame_that_is_removed_costs_only_itself() -> None:
    """The canvas before it comes back."""
    lost = Drawn(image=PART.image, disposal=PREVIOUS)
    for make in (make_gif, make_apng):
        played = render_animation(damage_frame(make, [FULL, lost, Drawn(image=PART.image, at=(4, 4))]))
        assert played.get_colors((0, 0), (7, 7)) == [(RED, RED), (RED, GREEN)]


def damage_frame(make: Callable[..., bytes], frames: list[Drawn]) -> bytes:
    """Return an animation whose second frame is damaged."""
    if make is make_gif:
        blocks = [make_gif_frame(frame) for frame in frames]
        return make_damaged_gif(blocks[0], damage_gif_frame(frames[1]), *blocks[2:])
    if make is make_webp:
        parts = [make_webp_frame(frame) for frame in frames]
        return make_riff(HEADER, PLAYS, parts[0], damage_webp_frame(parts[1]), *parts[2:])
    chunks = split_png(make_apng((8, 8), frames))
    return join_png([(kind, content[:9] if number == 5 else content) for number, (kind, content) in enumerate(chunks)])


@pytest.mark.parametrize(
    "data",
    [
        make_damaged_gif(),
        make_damaged_gif(damage_gif_frame(FULL)),
        make_damaged_gif(GIF_FRAMES[0][:-50], end=b""),
        make_riff(HEADER, PLAYS),
        make_riff(HEADER, PLAYS, damage_webp_frame(WEBP_FRAMES[0])),
        make_riff(HEADER, PLAYS, NO_FRAME),
        join_png([(kind, content[:9] if kind == b"IDAT" else content) for kind, content in CHUNKS[:6]]),
        make_apng((8, 8), FRAMES)[:110],
    ],
)
@pytest.mark.parametrize("output", ["png", "jpeg"])
def test_file_without_an_intact_frame_fails(data: bytes, output: str) -> None:
    """There is nothing to show."""
    with pytest.raises((CorruptImage, TruncatedImage, NotAnImage)):
        render_animation(data, output)
