"""Animations look in Chromium as they did before they were processed."""

import random
from collections.abc import Iterator

import pytest
from animations import compare_with_browser, make_player, measure_difference, play
from playwright.sync_api import Browser, Page
from support.animation_files import RANDOM_ANIMATIONS

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render

ANIMATIONS_PER_FORMAT = 25
LIMITS = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000)


@pytest.fixture(scope="module")
def player(chromium_browser: Browser) -> Iterator[Page]:
    """Open a page with ImageDecoder."""
    page = make_player(chromium_browser)
    yield page
    page.close()


@pytest.mark.parametrize("media_type", RANDOM_ANIMATIONS)
def test_frames_equal_those_of_chromium(player: Page, media_type: str) -> None:
    """Random rectangles, disposal, blending, durations and plays."""
    for seed in range(ANIMATIONS_PER_FORMAT):
        comparison = compare_with_browser(player, RANDOM_ANIMATIONS[media_type](random.Random(seed)))
        assert comparison.is_equal, (seed, comparison)
        assert comparison.frames > 0


@pytest.mark.parametrize("output", ["png", "gif", "webp"])
def test_chromium_plays_what_was_written(player: Page, output: str) -> None:
    """An encoder writes rectangles of its own, which look the same."""
    for seed in range(ANIMATIONS_PER_FORMAT):
        data = RANDOM_ANIMATIONS["image/gif"](random.Random(seed))
        pipeline = Pipeline.model_validate({"output": {"format": output}})
        written = play(player, render(data, pipeline, LIMITS).outputs[0][1].data)
        original = play(player, data)
        assert sum(written.durations) == sum(each if each > 10 else 100 for each in original.durations)
        if output != "webp":  # lossy
            assert measure_difference(written.frames[-1], original.frames[-1]) == 0
        assert written.frames[-1].getchannel("A").tobytes() == original.frames[-1].getchannel("A").tobytes()
