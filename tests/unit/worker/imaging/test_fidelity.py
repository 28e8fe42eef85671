"""Appearance of every kind of image in every output format, and docs/fidelity.md."""

from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image
from support import fidelity, sample_images
from support.image_kinds import DURATIONS, SIZE, Kind, make_kinds
from support.thorough import every

from shared.errors import TooManyFrames, TooManyTotalPixels
from shared.pipeline.output import ANIMATED_FORMATS, Output, OutputFormat
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render

KINDS = {kind.name: kind for kind in make_kinds()}
ANIMATIONS = tuple(name for name, kind in KINDS.items() if len(kind.frames) > 1)
PAD = {"op": "pad", "left": 1}
TWO_FRAMES = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000, max_frames=2)


def render_output(kind: Kind, output: OutputFormat, limits: Limits = fidelity.LIMITS, *operations: object) -> bytes:
    """Render an image and return its only output."""
    pipeline = Pipeline.model_validate({"operations": operations, "output": {"format": output}})
    return render(kind.data, pipeline, limits).outputs[0][1].data


@pytest.mark.parametrize("output", OutputFormat)
@pytest.mark.parametrize("name", every(2, KINDS))
def test_each_kind_keeps_its_appearance_in_each_format(name: str, output: OutputFormat) -> None:
    """Size, frames, transparency and colors are kept, within the loss of the format."""
    images, _ = fidelity.decode_frames(render_output(KINDS[name], output))
    expected = fidelity.compute_expected_frames(KINDS[name], output)
    assert [image.size for image in images] == [SIZE] * len(expected)
    for image, scene in zip(images, expected, strict=True):
        assert fidelity.compute_worst_psnr(image, scene) >= fidelity.MIN_PSNR.get(output, 25)


def test_fidelity_page_is_current() -> None:
    """docs/fidelity.md is what the script generates."""
    assert fidelity.PAGE.read_text("utf-8") == fidelity.build_page()


@pytest.mark.parametrize("name", KINDS)
def test_only_lossy_kinds_give_warnings(name: str) -> None:
    """A job warns exactly if something of the input is lost."""
    result = render(KINDS[name].data, Pipeline(), fidelity.LIMITS)
    assert bool(result.warnings) == KINDS[name].warns


@pytest.mark.parametrize("name", [name for name in KINDS if "gray" in name or "1 bit" in name])
def test_gray_stays_one_channel(name: str) -> None:
    """A gray image is not converted to three channels."""
    assert sample_images.decode(render_output(KINDS[name], OutputFormat.PNG)).mode in {"1", "L", "LA"}


@pytest.mark.parametrize("output", ANIMATED_FORMATS)
@pytest.mark.parametrize("name", ANIMATIONS)
def test_operations_run_on_every_frame(name: str, output: OutputFormat) -> None:
    """Resize and flip change each frame; durations stay."""
    operations = ({"op": "resize", "width": 48}, {"op": "flip"})
    images, durations = fidelity.decode_frames(render_output(KINDS[name], output, fidelity.LIMITS, *operations))
    assert durations == DURATIONS
    for image, scene in zip(images, fidelity.compute_expected_frames(KINDS[name], output), strict=True):
        expected = scene.resize((48, 32), Image.Resampling.LANCZOS).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        assert image.size == (48, 32)
        if output is not OutputFormat.GIF:  # GIF makes alpha binary after the resize
            assert fidelity.compute_worst_psnr(image, expected) >= 24


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("output", ["PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("source", ["PNG", "WEBP", "GIF"])
def test_number_of_plays_is_kept(source: str, output: str, plays: int) -> None:
    """Every format stores how many times the animation plays."""
    frames = KINDS["APNG"].frames
    loop = {} if source == "GIF" and plays == 1 else {"loop": plays - 1 if source == "GIF" and plays else plays}
    data = sample_images.encode(frames[0], source, save_all=True, append_images=frames[1:], duration=100, **loop)
    kind = Kind("", data, frames)
    image = Image.open(BytesIO(render_output(kind, OutputFormat(output.lower()))))
    loop_count = image.info.get("loop")
    assert loop_count == ((None if plays == 1 else max(0, plays - 1)) if output == "GIF" else plays)


@pytest.mark.parametrize("name", ANIMATIONS)
def test_still_formats_of_an_animation_give_a_warning(name: str) -> None:
    """A format without animation gets the first frame, and the warning names the format."""
    result = render(KINDS[name].data, Pipeline(outputs=(Output(format=OutputFormat.JPEG),)), fidelity.LIMITS)
    assert result.warnings == ("Only the first frame of the animation was written as JPEG, which holds no animation.",)


@pytest.mark.parametrize("output", ["webp", "gif", "avif"])
@pytest.mark.parametrize("name", ANIMATIONS)
def test_number_of_frames_is_limited(name: str, output: str) -> None:
    """One frame too many is refused before decoding. A still output of the same file is allowed."""
    with pytest.raises(TooManyFrames):
        render_output(KINDS[name], OutputFormat(output), TWO_FRAMES)
    assert render_output(KINDS[name], OutputFormat.JPEG, TWO_FRAMES)


@pytest.mark.parametrize("name", ANIMATIONS)
def test_png_of_an_animation_over_the_limits_is_the_first_frame(name: str) -> None:
    """The default job does not fail, and the warning names the limit."""
    result = render(KINDS[name].data, Pipeline(), TWO_FRAMES)
    images, _ = fidelity.decode_frames(result.outputs[0][1].data)
    assert len(images) == 1
    assert fidelity.compute_worst_psnr(images[0], KINDS[name].frames[0]) >= 25
    assert result.warnings == ("The animation has more than 2 frames. Only the first frame was processed.",)


@pytest.mark.parametrize("name", ANIMATIONS)
def test_pixels_of_all_frames_are_limited(name: str) -> None:
    """The limit applies to the sum over all frames, also after each operation."""
    total = 3 * SIZE[0] * SIZE[1]
    limits = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000, max_total_pixels=total)
    fewer = replace(limits, max_total_pixels=total - 1)
    assert render_output(KINDS[name], OutputFormat.WEBP, limits)
    with pytest.raises(TooManyTotalPixels):
        render_output(KINDS[name], OutputFormat.WEBP, fewer)
    with pytest.raises(TooManyTotalPixels):
        render_output(KINDS[name], OutputFormat.WEBP, limits, {"op": "pad", "left": 1})
