"""Durations and plays are limited to what each output format stores."""

import pytest
from PIL import Image
from support.animation_files import Drawn, make_apng, make_gif, make_loop_block
from support.played import read_file

from shared.pipeline.output import Output, OutputFormat
from worker.imaging.animation.timing import fit_durations, fit_plays
from worker.imaging.encode import encode_frames
from worker.imaging.frames import Frames

COLORS = [Image.new("RGB", (4, 4), (index, 0, 0)) for index in (0, 100, 200)]
HOURS = 3_600_000.0


@pytest.mark.parametrize(
    ("output", "milliseconds", "written"),
    [
        ("gif", 15, 20),
        ("gif", 11, 20),
        ("gif", 104, 100),
        ("gif", 10**7, 655_350),
        ("png", 15, 15),
        ("png", 70_001, 70_001),
        ("png", 10**9, 65_535_000),
        ("webp", 15, 15),
        ("webp", 10**9, 2**24 - 1),
        ("avif", 1000 / 30, 33),
    ],
)
def test_written_duration(output: str, milliseconds: float, written: float) -> None:
    """It is the closest one that the format stores and that browsers do not replace."""
    frames = Frames(tuple(COLORS), (milliseconds, 100, 100), 0)
    played = read_file(encode_frames(frames, Output(format=OutputFormat(output))).data)
    assert played.durations == pytest.approx((written, 100, 100), abs=0.2)


@pytest.mark.parametrize("output", ["gif", "png", "webp", "avif"])
def test_durations_of_equal_frames_are_added_up_to_the_limit(output: str) -> None:
    """The sum does not fail the job if it is larger than the format can store."""
    frames = Frames((*[COLORS[0]] * 30, COLORS[1]), (*[HOURS] * 30, 100.0), 0)
    played = read_file(encode_frames(frames, Output(format=OutputFormat(output))).data)
    assert len(played.frames) >= 2
    assert sum(played.durations) > 600_000


def test_equal_frames_of_a_short_animation_keep_their_time() -> None:
    """Each format plays as long as before."""
    frames = Frames((COLORS[0], COLORS[0], COLORS[1]), (30.0, 40.0, 50.0), 2)
    for output in ("gif", "png", "webp"):
        played = read_file(encode_frames(frames, Output(format=OutputFormat(output))).data)
        assert sum(played.durations) == 120
        assert played.frames[-1].getpixel((0, 0)) == pytest.approx((100, 0, 0, 255), abs=3)


def test_many_long_frames_of_a_webp_fit_its_time_stamps() -> None:
    """Libwebp adds the durations in 32 bits."""
    durations = fit_durations([1e9] * 1000, OutputFormat.WEBP)
    assert sum(durations) < 2**31


@pytest.mark.parametrize(
    ("output", "written"), [("gif", 65_536), ("png", 2**31 - 1), ("webp", 65_535), ("avif", 2**31 - 1)]
)
def test_largest_number_of_plays(output: str, written: int) -> None:
    """More plays than the format stores are not forever."""
    assert fit_plays(2**31 - 1, OutputFormat(output)) == written
    assert fit_plays(0, OutputFormat(output)) == 0


@pytest.mark.parametrize("output", ["gif", "png", "webp"])
@pytest.mark.parametrize("plays", [1, 2, 65_535, 65_536, 2**31 - 1])
def test_encoded_plays(output: str, plays: int) -> None:
    """Each encoder writes the limited number."""
    written = fit_plays(plays, OutputFormat(output))
    played = read_file(
        encode_frames(Frames(tuple(COLORS), (90.0,) * 3, plays), Output(format=OutputFormat(output))).data
    )
    assert played.plays == written


def test_transparent_webp_says_that_it_is_transparent() -> None:
    """Libwebp does not, if opaque frames do not cover the canvas."""
    frames = []
    for left in (0, 4):
        frame = Image.new("RGBA", (8, 4))
        frame.paste((255, 0, 0, 255), (left, 0, left + 4, 4))
        frames.append(frame)
    data = encode_frames(Frames(tuple(frames), (90.0, 90.0), 0), Output(format=OutputFormat.WEBP)).data
    assert read_file(data).frames[0].getchannel("A").getpixel((7, 0)) == 0


def test_files_are_read_as_browsers_read_them() -> None:
    """The makers of the test files write what they say: Pillow reads the same."""
    frames = [Drawn(image=each.convert("RGBA"), milliseconds=70) for each in COLORS]
    for data in (make_gif((4, 4), frames, before=make_loop_block(2)), make_apng((4, 4), frames, plays=3)):
        assert read_file(data).plays == 3
        assert read_file(data).durations == (70, 70, 70)
