"""Every kind of image in every output: as it looked, upright, whole, and as docs/fidelity.md says."""

from io import BytesIO

import pytest
from PIL import Image
from support import fidelity, sample_images
from support.image_kinds import DURATIONS, SIZE, Kind, make_kinds

from shared.errors import CorruptImage, NotAnImage, TooManyFrames, TooManyTotalPixels, TruncatedImage
from shared.pipeline.output import ANIMATED_FORMATS, Output, OutputFormat
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render
from worker.imaging.frames import count_frames

KINDS = {kind.name: kind for kind in make_kinds()}
MOVING = tuple(name for name, kind in KINDS.items() if len(kind.frames) > 1)
SMALL = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000, max_frames=2)


def written(kind: Kind, output: OutputFormat, limits: Limits = fidelity.LIMITS, *operations: object) -> bytes:
    """Return one output of a pipeline."""
    pipeline = Pipeline.model_validate({"operations": operations, "output": {"format": output}})
    return render(kind.data, pipeline, limits).outputs[0][1].data


@pytest.mark.parametrize("output", OutputFormat)
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_looks_the_same_in_each_format(name: str, output: OutputFormat) -> None:
    """Size, frames, transparency and every color come out as they were, within the loss of the format."""
    images, _ = fidelity.decode_frames(written(KINDS[name], output))
    wanted = fidelity.compute_expected_frames(KINDS[name], output)
    assert [image.size for image in images] == [SIZE] * len(wanted)
    for image, scene in zip(images, wanted, strict=True):
        assert fidelity.compute_worst_psnr(image, scene) >= fidelity.MIN_PSNR.get(output, 25)


def test_the_document_is_what_is_measured() -> None:
    """docs/fidelity.md is the page that the script prints today."""
    assert fidelity.PAGE.read_text("utf-8") == fidelity.build_page()


@pytest.mark.parametrize("name", KINDS)
def test_warnings_come_where_something_is_lost(name: str) -> None:
    """A kind that loses something says so in the job, and no other does."""
    made = render(KINDS[name].data, Pipeline(), fidelity.LIMITS)
    assert bool(made.warnings) == KINDS[name].warns


@pytest.mark.parametrize("name", [name for name in KINDS if "gray" in name or "1 bit" in name])
def test_gray_stays_one_channel(name: str) -> None:
    """A gray image is not blown up to three channels."""
    assert sample_images.decode(written(KINDS[name], OutputFormat.PNG)).mode in {"L", "LA"}


@pytest.mark.parametrize("output", ANIMATED_FORMATS)
@pytest.mark.parametrize("name", MOVING)
def test_operations_run_on_every_frame(name: str, output: OutputFormat) -> None:
    """Resize and flip change each frame; durations stay."""
    asked = ({"op": "resize", "width": 48}, {"op": "flip"})
    images, durations = fidelity.decode_frames(written(KINDS[name], output, fidelity.LIMITS, *asked))
    assert durations == DURATIONS
    for image, scene in zip(images, fidelity.compute_expected_frames(KINDS[name], output), strict=True):
        wanted = scene.resize((48, 32), Image.Resampling.LANCZOS).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        assert image.size == (48, 32)
        if output is not OutputFormat.GIF:  # which cuts alpha after the resize
            assert fidelity.compute_worst_psnr(image, wanted) >= 24


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("output", ["PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("source", ["PNG", "WEBP", "GIF"])
def test_number_of_plays_is_kept(source: str, output: str, plays: int) -> None:
    """An animation that stops, or goes on without end, does so in every format."""
    frames = KINDS["APNG"].frames
    loop = {} if source == "GIF" and plays == 1 else {"loop": plays - 1 if source == "GIF" and plays else plays}
    data = sample_images.encode(frames[0], source, save_all=True, append_images=frames[1:], duration=100, **loop)
    kind = Kind("", data, frames)
    image = Image.open(BytesIO(written(kind, OutputFormat(output.lower()))))
    told = image.info.get("loop")
    assert told == ((None if plays == 1 else max(0, plays - 1)) if output == "GIF" else plays)


@pytest.mark.parametrize("name", MOVING)
def test_stills_of_an_animation_come_with_a_warning(name: str) -> None:
    """A format without animation gets the first frame, and the job says so, by name."""
    made = render(KINDS[name].data, Pipeline(outputs=(Output(format=OutputFormat.JPEG),)), fidelity.LIMITS)
    assert made.warnings == ("Only the first frame of the animation was written as JPEG, which holds no animation.",)


@pytest.mark.parametrize("name", MOVING)
def test_frames_are_limited(name: str) -> None:
    """One frame more than allowed is refused, before it is decoded; a single still of it is not."""
    with pytest.raises(TooManyFrames):
        written(KINDS[name], OutputFormat.PNG, SMALL)
    assert written(KINDS[name], OutputFormat.JPEG, SMALL)


@pytest.mark.parametrize("name", MOVING)
def test_pixels_of_all_frames_are_limited(name: str) -> None:
    """Few large frames can cost as much as many: their pixels count together, after each operation too."""
    exactly = 3 * SIZE[0] * SIZE[1]
    limits = {"max_bytes": 10_000_000, "max_pixels": 1_000_000, "max_side": 10_000}
    assert written(KINDS[name], OutputFormat.PNG, Limits(**limits, max_total_pixels=exactly))
    with pytest.raises(TooManyTotalPixels):
        written(KINDS[name], OutputFormat.PNG, Limits(**limits, max_total_pixels=exactly - 1))
    with pytest.raises(TooManyTotalPixels):
        written(KINDS[name], OutputFormat.PNG, Limits(**limits, max_total_pixels=exactly), {"op": "pad", "left": 1})


def test_frames_of_a_gif_are_counted_up_to_the_limit_only() -> None:
    """Of a GIF with 20,000 frames, no more than the limit is looked at."""
    one = sample_images.encode(Image.new("L", (1, 1)), "GIF")
    frame = one[one.index(b",") : -1]
    bomb = one[:-1] + frame * 20_000 + b";"
    with Image.open(BytesIO(bomb)) as image:
        assert count_frames(image, bomb, at_most=101) == 101
        assert count_frames(image, bomb, at_most=10**6) == 20_001
    with pytest.raises(TooManyFrames):
        render(bomb, Pipeline(), fidelity.LIMITS)


@pytest.mark.parametrize("name", MOVING)
def test_cut_animation_fails(name: str) -> None:
    """An animation whose end is missing is not passed off as a shorter one."""
    whole = KINDS[name]
    with pytest.raises((TruncatedImage, CorruptImage, NotAnImage)):
        written(Kind(name, whole.data[: len(whole.data) * 3 // 4], whole.frames), OutputFormat.PNG)
