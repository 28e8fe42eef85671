"""Plans: sizes, limits, warnings and estimates."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import pipeline_strategies, sample_images

from api.plans.planner import plan
from api.plans.schemas import PlannedImage, read_plan_request
from api.plans.warnings import WarningCode
from api.system.schemas import operation_models
from shared.errors import ImageError, InvalidPipeline, InvalidRequest
from shared.pipeline.estimate import estimate_bytes
from shared.pipeline.image_formats import INPUT_FORMATS, JPEG, PNG, TIFF
from shared.pipeline.limits import Limits
from shared.pipeline.operations import Crop, Resize, Trim
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Output, OutputFormat, Pipeline
from worker.imaging import render

LIMITS = Limits(max_bytes=1000, max_pixels=1_000_000, max_side=2000, max_total_pixels=10_000_000)
LARGE_LIMITS = Limits(max_bytes=10**8, max_pixels=10**9, max_side=20_000)
FACTS = {"width": 40, "height": 30, "format": "png"}


def planned_image(**more: Any) -> PlannedImage:
    """Return an opaque still image with these properties."""
    facts: dict[str, Any] = {"image_format": PNG, "width": 400, "height": 300, "animated": False, "alpha": False}
    return PlannedImage(**(facts | more))


def make_pipeline(*operations: dict[str, Any], **output: Any) -> Pipeline:
    """Return a validated pipeline."""
    return Pipeline.model_validate({"operations": operations, "output": output})


def list_warnings(planned: Any) -> list[tuple[WarningCode, str, bool]]:
    """Return code, pointer and certainty of each warning."""
    return [(each.code, each.pointer, each.certain) for each in planned.warnings]


def test_every_step_has_its_size() -> None:
    """Each step has the size before and after, and the last one is that of the outputs."""
    requested = make_pipeline({"op": "resize", "width": 200}, {"op": "grayscale"}, {"op": "resize", "height": 30})
    planned = plan(planned_image(), requested, LIMITS)
    assert [(step.before, step.after) for step in planned.steps] == [
        ((400, 300), (200, 150)),
        ((200, 150), (200, 150)),
        ((200, 150), (40, 30)),
    ]
    assert [each.size for each in planned.outputs] == [(40, 30)]
    assert planned.failure is None
    assert planned.warnings == ()


@pytest.mark.parametrize(
    ("facts", "requested", "code", "steps"),
    [
        ({"size": 1001}, [], "TOO_MANY_BYTES", 0),
        ({"size": 1000}, [], None, 0),
        ({"width": 2001}, [], "SIDE_TOO_LONG", 0),
        ({"width": 2000, "height": 501}, [], "TOO_MANY_PIXELS", 0),
        ({"width": 2000, "height": 500}, [], None, 0),
        ({"size": 1001, "width": 2001}, [], "TOO_MANY_BYTES", 0),
        ({}, [{"op": "grayscale"}, {"op": "resize", "width": 2001, "enlarge": True}], "SIDE_TOO_LONG", 2),
        ({}, [{"op": "resize", "width": 1200, "enlarge": True}, {"op": "grayscale"}], "TOO_MANY_PIXELS", 1),
        ({}, [{"op": "crop", "x": 400, "y": 0, "width": 5, "height": 5}], "OUTSIDE_IMAGE", 0),
        ({}, [{"op": "trim"}, {"op": "crop", "x": 400, "y": 0, "width": 5, "height": 5}], None, 2),
        ({"frames": 101}, [], "TOO_MANY_FRAMES", 0),
        ({"frames": 100}, [], "TOO_MANY_TOTAL_PIXELS", 0),
        ({"frames": 50}, [], None, 0),
        ({"frames": 50}, [{"op": "resize", "width": 800, "enlarge": True}], "TOO_MANY_TOTAL_PIXELS", 1),
        ({"frames": 1000, "image_format": TIFF}, [], None, 0),
    ],
)
def test_exceeded_limits_are_predicted(
    facts: dict[str, Any], requested: list[dict[str, Any]], code: str | None, steps: int
) -> None:
    """The plan has the first error that the worker would raise, and no steps after it."""
    planned = plan(planned_image(**facts), make_pipeline(*requested, format="webp"), LIMITS)
    assert (planned.failure.code if planned.failure else None) == code
    assert len(planned.steps) == steps


@pytest.mark.parametrize("frames", [100, 101])
def test_png_of_an_animation_over_the_limits_is_a_still_image(frames: int) -> None:
    """The plan of the default job has no failure. It counts one frame, and warns."""
    planned = plan(planned_image(frames=frames, animated=True), make_pipeline({"op": "grayscale"}), LIMITS)
    assert planned.failure is None
    assert (planned.frames, len(planned.steps)) == (1, 1)
    assert list_warnings(planned) == [(WarningCode.FIRST_FRAME_ONLY, "/outputs/0", True)]


@pytest.mark.parametrize(
    ("facts", "requested", "output", "expected"),
    [
        ({"alpha": True}, [], {"format": "jpeg"}, [("ALPHA_LOST", "/outputs/0", True)]),
        ({"alpha": None}, [], {"format": "jpeg"}, [("ALPHA_LOST", "/outputs/0", False)]),
        ({"alpha": None, "image_format": JPEG}, [], {"format": "jpeg"}, []),
        ({"alpha": True}, [], {"format": "webp"}, []),
        ({"animated": True}, [], {"format": "jpeg"}, [("FIRST_FRAME_ONLY", "/outputs/0", True)]),
        ({"animated": None}, [], {"format": "jpeg"}, [("FIRST_FRAME_ONLY", "/outputs/0", False)]),
        ({"animated": True}, [], {"format": "webp"}, []),
        ({"animated": None, "image_format": JPEG}, [], {"format": "tiff"}, []),
        ({"animated": None, "image_format": TIFF}, [], {}, [("FIRST_FRAME_ONLY", "", False)]),
        ({}, [], {"format": "gif"}, [("COLORS_REDUCED", "/outputs/0", False)]),
        ({}, [{"op": "round_corners", "radius": 9}], {"format": "jpeg"}, [("ALPHA_LOST", "/outputs/0", True)]),
        ({"alpha": True}, [{"op": "background"}], {"format": "jpeg"}, []),
        ({}, [{"op": "rotate", "angle": 90}], {"format": "jpeg"}, []),
        ({}, [{"op": "rotate", "angle": 9}], {"format": "jpeg"}, [("ALPHA_LOST", "/outputs/0", True)]),
        ({}, [{"op": "pad", "top": 9, "background": "#000000"}], {"format": "jpeg"}, []),
        ({}, [{"op": "resize", "width": 900, "height": 900, "fit": "contain", "background": "#000000"}], {}, []),
        ({}, [{"op": "resize", "width": 500, "enlarge": True}], {}, [("ENLARGED", "/operations/0", True)]),
        ({}, [{"op": "resize", "width": 500}], {}, []),
        (
            {},
            [{"op": "grayscale"}, {"op": "resize", "width": 100, "height": 100, "fit": "exact"}],
            {},
            [("SHAPE_CHANGED", "/operations/1", True)],
        ),
        ({}, [{"op": "resize", "width": 200, "height": 150, "fit": "exact"}], {}, []),
    ],
)
def test_losses_have_warnings(
    facts: dict[str, Any], requested: list[dict[str, Any]], output: dict[str, Any], expected: list[Any]
) -> None:
    """Each warning points to its cause and states whether it is certain."""
    assert list_warnings(plan(planned_image(**facts), make_pipeline(*requested, **output), LIMITS)) == expected


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Resize(width=20), (20, 40)),
        (Resize(height=30), (48, 30)),
        (Resize(width=20, height=30), (20, 30)),
        (Resize(width=64, height=20, enlarge=True), (64, 20)),
        (Resize(width=64, enlarge=True), (64, 64 * 40)),
        (Crop(unit="relative", x=0.05, y=0.0, width=0.1, height=0.5), (6, 21)),
    ],
)
def test_size_after_a_trim_is_the_largest_possible(operation: Any, expected: tuple[int, int]) -> None:
    """A trim can leave other proportions, for which a side without a limit keeps more pixels."""
    requested = Pipeline(operations=(Trim(), operation))
    planned = plan(planned_image(width=48, height=40), requested, LARGE_LIMITS)
    assert (planned.outputs[0].size, planned.outputs[0].exact) == (expected, False)


def test_tall_rest_of_a_trim_is_larger_than_in_proportion() -> None:
    """Without the border, the image is 10 × 40 pixels, so that 10 pixels of width keep all of its height."""
    image = Image.new("RGB", (48, 40), "white")
    image.paste("black", (20, 0, 30, 40))
    requested = Pipeline(operations=(Trim(), Resize(width=10)))
    ((_, output),) = render(sample_images.encode(image, "PNG"), requested, LARGE_LIMITS, {}).outputs
    planned = plan(planned_image(width=48, height=40), requested, LARGE_LIMITS)
    assert (output.width, output.height) == (10, 40)
    assert planned.outputs[0].size == (10, 40)


@given(st.lists(pipeline_strategies.operations, max_size=4), st.booleans())
def test_rendering_matches_the_plan(operations: list[Any], transparent: bool) -> None:
    """For random pipelines: same sizes, same error, and no transparency loss without a warning."""
    requested = Pipeline(
        operations=tuple(operations), outputs=(Output(), Output(name="flat", format=OutputFormat.JPEG))
    )
    data = sample_images.make_png(48, 40, "RGBA" if transparent else "RGB")
    planned = plan(planned_image(width=48, height=40, alpha=transparent), requested, LARGE_LIMITS)
    is_exact = all(step.exact for step in planned.steps)
    failure: str | None = None
    try:
        ((_, output), _) = render(data, requested, LARGE_LIMITS, {"logo": sample_images.make_png(8, 8)}).outputs
    except ImageError as error:
        failure = error.code
    if failure is not None or planned.failure is not None:
        # After a trim, rendering can fail unpredicted, but a predicted failure always happens.
        assert (planned.failure.code if planned.failure else None) in ({failure} if is_exact else {failure, None})
        return
    size = planned.outputs[0].size
    assert {(each.size, each.exact) for each in planned.outputs} == {(size, is_exact)}
    if is_exact:
        assert (output.width, output.height) == size
    else:
        assert output.width <= size[0]
        assert output.height <= size[1]
    if sample_images.decode(output.data).has_transparency_data and sample_images.decode(output.data).getextrema()[
        -1
    ] != (
        255,
        255,
    ):
        assert WarningCode.ALPHA_LOST in {each.code for each in planned.warnings}


def test_long_results_fail() -> None:
    """A result whose side is too long fails as in the worker."""
    planned = plan(planned_image(width=10_001, height=1), Pipeline(), LARGE_LIMITS)
    assert planned.failure is not None
    assert planned.failure.code == "SIDE_TOO_LONG"


def test_estimates_grow_with_the_pixels() -> None:
    """Both time and memory."""
    small = plan(planned_image(), DEFAULT_PIPELINE, LIMITS).estimate
    large = plan(planned_image(width=4000, height=3000), DEFAULT_PIPELINE, LIMITS).estimate
    assert large.milliseconds > small.milliseconds
    assert large.memory_bytes > small.memory_bytes


def test_every_format_and_operation_has_a_cost() -> None:
    """Decode cost, encode cost and operation cost."""
    assert all(each.decode_cost > 0 for each in INPUT_FORMATS)
    assert {each for each in INPUT_FORMATS if each.encode_cost > 0} == {each.image_format for each in OutputFormat}
    assert all(getattr(model, "cost") >= 0 for model in operation_models())  # noqa: B009 - unknown to BaseModel


@pytest.mark.parametrize("spelling", ["JPEG", "jpg", "Jpeg", "image/jpeg"])
def test_format_accepts_name_extension_and_media_type(spelling: str) -> None:
    """In any case."""
    found, _ = read_plan_request({"width": 1, "height": 1, "format": spelling})
    assert found.image_format is JPEG


def test_head_of_a_file_is_read() -> None:
    """It has format, upright size and transparency."""
    head = base64.b64encode(sample_images.make_rotated_jpeg(64, 48)[:1500]).decode()
    found, _ = read_plan_request({"head": head})
    assert (found.image_format, found.width, found.height, found.alpha) == (JPEG, 48, 64, False)


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, [""]),
        ({"width": 40, "height": 30}, [""]),
        (FACTS | {"head": "AAAA"}, [""]),
        ({"head": "no base64!"}, ["/head"]),
        ({"head": ""}, ["/head"]),
        ({"head": base64.b64encode(sample_images.make_jpeg()[:40]).decode()}, ["/head"]),
        ({"head": base64.b64encode(sample_images.encode(sample_images.draw_scene(), "TIFF")).decode()}, ["/head"]),
        (FACTS | {"width": 0}, ["/width"]),
        (FACTS | {"width": "40"}, ["/width"]),
        (FACTS | {"format": "svg"}, ["/format"]),
        (FACTS | {"size": 0}, ["/size"]),
        (FACTS | {"alpha": 1}, ["/alpha"]),
        (FACTS | {"color": "red"}, ["/color"]),
        (FACTS | {"options": {"preset": "web"}}, ["/options/preset"]),
        (FACTS | {"options": {"widht": 3}}, ["/options/widht"]),
    ],
)
def test_invalid_image_descriptions_are_refused(fields: dict[str, Any], pointers: list[str]) -> None:
    """With pointers to missing, invalid and unknown fields."""
    with pytest.raises(InvalidRequest) as refused:
        read_plan_request(fields)
    assert [each.pointer for each in refused.value.errors] == pointers


@pytest.mark.parametrize(
    ("requested", "pointer"),
    [
        ({"pipeline": {"operations": [{"op": "swirl"}]}}, "/pipeline/operations/0"),
        ({"pipeline": {"operations": [{"op": "resize"}]}}, "/pipeline/operations/0"),
        ({"options": {"width": "many"}}, "/options/width"),
        ({"pipeline": {}, "preset": "web"}, ""),
        ({"preset": "web", "options": {"width": 5}}, ""),
    ],
)
def test_invalid_pipelines_are_refused_as_for_jobs(requested: dict[str, Any], pointer: str) -> None:
    """The pointers refer to the body of the plan."""
    with pytest.raises(InvalidPipeline) as refused:
        read_plan_request(FACTS | requested)
    assert [each.pointer for each in refused.value.errors] == [pointer]


@pytest.mark.parametrize("output_format", ["jpeg", "webp", "avif"])
def test_estimated_bytes_grow_with_the_quality(output_format: str) -> None:
    """The default quality has the estimate of an output without one. A limit in bytes is the largest estimate."""

    def count(**options: int) -> int:
        return estimate_bytes(Output.model_validate({"format": output_format, **options}), (1000, 1000))

    estimates = [count(quality=quality) for quality in range(1, 101)]
    assert estimates == sorted(estimates)
    assert estimates[99] > 2 * estimates[79] > 4 * estimates[9]
    default = Output(format=OutputFormat(output_format)).format.image_format.default_quality
    assert default is not None
    assert count(quality=default) == count()
    assert count(quality=100, max_bytes=300) == 300
