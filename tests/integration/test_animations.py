"""Animations over HTTP: modelled on public bug reports, one test for each kind."""

from typing import Any

import pytest
from PIL import Image
from support.animation_files import PREVIOUS, Drawn, make_apng, make_gif, make_loop_block, make_webp
from support.moto_cloud import BUCKET, Cloud
from support.played import Result, read_file

RED, GREEN, BLUE, NOTHING = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)
FULL = Drawn(image=Image.new("RGBA", (40, 30), RED), milliseconds=200)
PART = Drawn(image=Image.new("RGBA", (20, 15), GREEN), milliseconds=200)
LOWER_RIGHT = Drawn(image=Image.new("RGBA", (20, 15), BLUE), at=(20, 15), milliseconds=200)
SIZE = (40, 30)


def process(cloud: Cloud, data: bytes, output: str = "png") -> tuple[dict[str, Any], Result | None]:
    """Run an empty pipeline. Return the job, and the result if there is one."""
    query = {"pipeline": f'{{"operations": [], "output": {{"format": "{output}"}}}}'}
    job = cloud.submit(data, query=query)
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    if done["status"] != "COMPLETED":
        return done, None
    return done, read_file(cloud.clients.s3.get_object(Bucket=BUCKET, Key=done["key"])["Body"].read())


@pytest.mark.parametrize("output", ["png", "webp", "gif"])
def test_apng_with_too_large_a_number_of_frames(cloud: Cloud, output: str) -> None:
    """The frames that exist are shown, with a warning."""
    job, played = process(cloud, make_apng(SIZE, [FULL, PART], count=3), output)
    assert played
    assert len(played.frames) == 2
    assert job["warnings"] == ["The animation is damaged. Frames after the damage were ignored."]


@pytest.mark.parametrize(("output", "plays"), [("webp", 65_535), ("gif", 65_536), ("png", 65_536)])
def test_gif_with_the_largest_number_of_repeats(cloud: Cloud, output: str, plays: int) -> None:
    """It is limited to what the output format can store."""
    _, played = process(cloud, make_gif(SIZE, [FULL, PART], before=make_loop_block(65_535)), output)
    assert played
    assert played.plays == plays


def test_gif_with_repeats_in_another_block(cloud: Cloud) -> None:
    """Three repeats in ANIMEXTS1.0 are four plays, also after another application block."""
    blocks = make_loop_block(1, b"XMP DataXMP") + make_loop_block(3, b"ANIMEXTS1.0")
    _, played = process(cloud, make_gif(SIZE, [FULL, PART], before=blocks))
    assert played
    assert played.plays == 4


@pytest.mark.parametrize("output", ["png", "tiff", "webp"])
def test_gif_whose_first_frame_does_not_cover_the_canvas(cloud: Cloud, output: str) -> None:
    """The corners are transparent."""
    center = Drawn(image=PART.image, at=(10, 7))
    _, played = process(cloud, make_gif(SIZE, [center]), output)
    assert played
    assert played.frames[0].size == SIZE
    assert {played.frames[0].getchannel("A").getpixel(corner) for corner in ((0, 0), (39, 0), (0, 29), (39, 29))} == {0}


def test_apng_that_restores_a_canvas(cloud: Cloud) -> None:
    """The second frame is removed before the third one is drawn."""
    frames = [FULL, Drawn(image=PART.image, disposal=PREVIOUS), LOWER_RIGHT]
    for make in (make_apng, make_gif):
        _, played = process(cloud, make(SIZE, frames))
        assert played
        assert played.get_colors((0, 0), (39, 29)) == [(RED, RED), (GREEN, RED), (RED, BLUE)]


@pytest.mark.parametrize("make", [make_gif, make_apng, make_webp])
def test_animation_over_the_limit_of_frames(cloud: Cloud, make: Any) -> None:
    """The default job writes the first frame and warns. An output that must be animated fails."""
    data = make((8, 8), [Drawn(image=Image.new("RGBA", (8, 8), (2 * index, 0, 0, 255))) for index in range(101)])
    job, played = process(cloud, data)
    assert played
    assert len(played.frames) == 1
    assert job["warnings"] == ["The animation has more than 100 frames. Only the first frame was processed."]
    assert process(cloud, data, "jpeg")[0]["status"] == "COMPLETED"
    for output in ("gif", "webp", "avif"):
        assert process(cloud, data, output)[0]["error"]["code"] == "TOO_MANY_FRAMES"
