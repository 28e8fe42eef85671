"""Animations are composed as browsers compose them, whatever their format."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from PIL import Image
from support.animation_files import (
    CLEAR,
    KEEP,
    PREVIOUS,
    Drawn,
    make_apng,
    make_application_block,
    make_chunk,
    make_gif,
    make_loop_block,
    make_webp,
)
from support.played import LIMITS, render_animation

from worker.imaging.decode import open_image

RED, GREEN, BLUE, CLEAR_PIXEL = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)
CORNERS = ((0, 0), (7, 7))
Maker = Callable[[tuple[int, int], Sequence[Drawn]], bytes]
MAKERS: dict[str, Maker] = {"GIF": make_gif, "APNG": make_apng, "WebP": make_webp}


def fill(color: tuple[int, ...], width: int = 8, height: int = 8) -> Image.Image:
    """Return one color."""
    return Image.new("RGBA", (width, height), color)


FULL = Drawn(image=fill(RED))
UPPER_LEFT = Drawn(image=fill(GREEN, 4, 4))
LOWER_RIGHT = Drawn(image=fill(BLUE, 4, 4), at=(4, 4))


def change(frame: Drawn, **values: Any) -> Drawn:
    """Return a frame with other values."""
    fields = {
        name: getattr(frame, name) for name in ("image", "at", "disposal", "blend", "milliseconds", "denominator")
    }
    return Drawn(**(fields | values))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    ("disposal", "last"), [(KEEP, (GREEN, BLUE)), (CLEAR, (CLEAR_PIXEL, BLUE)), (PREVIOUS, (RED, BLUE))]
)
def test_disposal_applies_to_the_rectangle_of_the_frame(make: Maker, disposal: str, last: tuple[Any, ...]) -> None:
    """The other parts of the canvas stay."""
    if make is make_webp and disposal == PREVIOUS:
        last = (GREEN, BLUE)  # WebP does not have it.
    played = render_animation(make((8, 8), [FULL, change(UPPER_LEFT, disposal=disposal), LOWER_RIGHT]))
    assert played.get_colors(*CORNERS) == [(RED, RED), (GREEN, RED), last]


def test_two_frames_can_restore_the_same_canvas() -> None:
    """The canvas before the frame comes back, not the one of the first frame."""
    frames = [FULL, LOWER_RIGHT, *[change(UPPER_LEFT, disposal=PREVIOUS, milliseconds=40)] * 2, UPPER_LEFT]
    frames[3] = change(frames[3], image=fill(BLUE, 2, 2))
    frames[4] = change(frames[4], image=fill(RED, 2, 2), at=(2, 2))
    for make in (make_gif, make_apng):
        colors = render_animation(make((8, 8), frames)).get_colors((0, 0), (3, 3), (7, 7))
        assert colors == [(RED, RED, RED), (RED, RED, BLUE), (GREEN, GREEN, BLUE), (BLUE, RED, BLUE), (RED, RED, BLUE)]


@pytest.mark.parametrize("disposal", [CLEAR, PREVIOUS])
def test_first_frame_is_removed_to_transparency(disposal: str) -> None:
    """Nothing was on the canvas before it."""
    for make in (make_gif, make_apng):
        played = render_animation(make((8, 8), [change(FULL, disposal=disposal), UPPER_LEFT]))
        assert played.get_colors(*CORNERS) == [(RED, RED), (GREEN, CLEAR_PIXEL)]


@pytest.mark.parametrize("make", [make_apng, make_webp])
def test_blending_mixes_and_replacing_does_not(make: Maker) -> None:
    """A half transparent frame is mixed with the canvas, or replaces it with its transparency."""
    half = Drawn(image=fill((0, 0, 255, 128), 4, 4))
    blended, replaced = (
        render_animation(make((8, 8), [FULL, change(half, blend=blend)])).frames[1].getpixel((0, 0))
        for blend in (True, False)
    )
    assert blended == pytest.approx((127, 0, 128, 255), abs=1)
    assert replaced == (0, 0, 255, 128)


def test_frames_are_blended_before_their_colors_are_converted() -> None:
    """Half white over black is 128, which is 188 in sRGB if the values are linear."""
    half = Drawn(image=fill((255, 255, 255, 128)))
    data = make_apng((8, 8), [change(FULL, image=fill((0, 0, 0, 255))), half])
    linear = data[:33] + make_chunk(b"gAMA", struct.pack(">I", 100_000)) + data[33:]
    assert render_animation(linear).frames[1].getpixel((0, 0)) == pytest.approx((188, 188, 188, 255), abs=1)


@pytest.mark.parametrize("make", [make_gif, make_webp])
@pytest.mark.parametrize("output", ["png", "webp", "tiff"])
def test_canvas_is_transparent_at_first(make: Maker, output: str) -> None:
    """The background color of the file has no effect on a still or an animated output."""
    for frames in ([UPPER_LEFT], [UPPER_LEFT, LOWER_RIGHT]):
        first = render_animation(make((8, 8), frames), output).frames[0]
        assert first.getchannel("A").getpixel((7, 7)) == 0
        assert first.getpixel((0, 0)) == pytest.approx(GREEN, abs=30)


def test_gif_canvas_contains_the_first_frame() -> None:
    """It is enlarged for the first frame only. Later frames are cut."""
    large = Drawn(image=fill(BLUE, 12, 12))
    assert render_animation(make_gif((8, 8), [large, UPPER_LEFT])).frames[0].size == (12, 12)
    assert render_animation(make_gif((0, 0), [FULL, UPPER_LEFT])).frames[0].size == (8, 8)
    cut = render_animation(make_gif((8, 8), [FULL, large, change(UPPER_LEFT, at=(90, 90))]))
    assert cut.get_colors(*CORNERS) == [(RED, RED), (BLUE, BLUE)]
    assert cut.durations == (100, 200)  # The frame outside of the canvas shows the same.


@pytest.mark.parametrize(
    ("before", "after", "plays"),
    [
        (b"", b"", 1),
        (make_loop_block(0), b"", 0),
        (make_loop_block(3), b"", 4),
        (make_loop_block(3, b"ANIMEXTS1.0"), b"", 4),
        (b"", make_loop_block(3), 4),
        (make_loop_block(3), make_loop_block(5, b"ANIMEXTS1.0"), 6),
        (make_loop_block(3) + make_loop_block(0), b"", 0),
        (make_loop_block(65_535), b"", 65_536),
        (make_loop_block(3, b"NETSCAPE1.0"), b"", 1),
        (make_application_block(b"NETSCAPE2.0", b"\2\0\0\0\0"), b"", 1),
        (make_application_block(b"NETSCAPE2.0", b"\1\3"), b"", 1),
    ],
)
def test_gif_plays_as_the_last_loop_block_says(before: bytes, after: bytes, plays: int) -> None:
    """A block can be anywhere, and its number of repeats is one less than the number of plays."""
    data = make_gif((8, 8), [FULL, UPPER_LEFT], before=before, after=after)
    assert render_animation(data).plays == plays


@pytest.mark.parametrize("make", [make_apng, make_webp])
@pytest.mark.parametrize("plays", [0, 1, 7])
def test_number_of_plays_of_other_formats(make: Callable[..., bytes], plays: int) -> None:
    """It is stored as it is."""
    assert render_animation(make((8, 8), [FULL, UPPER_LEFT], plays=plays)).plays == plays


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_short_durations_are_played_for_a_tenth_of_a_second(make: Maker) -> None:
    """Browsers do so for 10 ms or less, and every output has the same duration."""
    frames = [change(FULL, milliseconds=0), change(UPPER_LEFT, milliseconds=10), change(LOWER_RIGHT, milliseconds=20)]
    for output in ("png", "webp", "gif", "avif"):
        assert render_animation(make((8, 8), frames), output).durations == (100, 100, 20)


def test_fraction_of_a_millisecond_is_kept() -> None:
    """An APNG stores a fraction of two numbers, so 1/30 s stays 1/30 s."""
    data = make_apng((8, 8), [change(frame, milliseconds=1, denominator=30) for frame in (FULL, UPPER_LEFT)])
    assert render_animation(data).durations == pytest.approx((1000 / 30, 1000 / 30))


@pytest.mark.parametrize("output", ["png", "jpeg", "webp"])
def test_hidden_still_image_is_no_frame(output: str) -> None:
    """Every output shows the frames of the animation."""
    data = make_apng((8, 8), [FULL, UPPER_LEFT], hidden=fill(BLUE))
    played = render_animation(data, output)
    assert len(played.frames) == (1 if output == "jpeg" else 2)
    assert played.frames[0].getpixel((7, 7)) == pytest.approx(RED, abs=30)


def test_gif_without_a_palette_is_black() -> None:
    """So are colors outside of the palette."""
    frame = b"," + b"\0\0\0\0\x08\0\x08\0\0" + make_gif((8, 8), [FULL]).split(b"\x87", 1)[1][768:]
    data = b"GIF89a\x08\0\x08\0\0\0\0" + frame
    assert render_animation(data).get_colors(*CORNERS) == [((0, 0, 0, 255),) * 2]


def test_counting_stops_at_the_limit() -> None:
    """Of a GIF with 5,000 frames, one more than allowed are read."""
    data = make_gif((8, 8), [UPPER_LEFT] * 5_000)
    assert open_image(data, LIMITS).frames == LIMITS.max_frames + 1
