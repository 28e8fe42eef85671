"""Plans: the sizes, limits and warnings that a job would meet."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import pipeline_strategies, sample_images

from api.plans.planner import plan
from api.plans.schemas import PlannedImage, read_plan_request
from api.plans.warnings import WarningCode
from api.system.schemas import operation_models
from shared.errors import ImageError, InvalidPipeline, InvalidRequest
from shared.pipeline.image_formats import INPUT_FORMATS, JPEG, PNG, TIFF
from shared.pipeline.limits import Limits
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Output, OutputFormat, Pipeline
from worker.imaging import render

LIMITS = Limits(max_bytes=1000, max_pixels=1_000_000, max_side=2000, max_total_pixels=10_000_000)
ROOMY = Limits(max_bytes=10**8, max_pixels=10**9, max_side=20_000)
FACTS = {"width": 40, "height": 30, "format": "png"}


def picture(**more: Any) -> PlannedImage:
    """Return an image that is known to be still and opaque, unless told otherwise."""
    facts: dict[str, Any] = {"image_format": PNG, "width": 400, "height": 300, "animated": False, "alpha": False}
    return PlannedImage(**(facts | more))


def pipeline(*operations: dict[str, Any], **output: Any) -> Pipeline:
    """Validate a pipeline as the API does."""
    return Pipeline.model_validate({"operations": operations, "output": output})


def codes(planned: Any) -> list[tuple[WarningCode, str, bool]]:
    """List what the warnings are about."""
    return [(each.code, each.pointer, each.certain) for each in planned.warnings]


def test_every_step_has_its_size() -> None:
    """The sizes go from operation to operation, and the last one is that of the outputs."""
    asked = pipeline({"op": "resize", "width": 200}, {"op": "grayscale"}, {"op": "resize", "height": 30})
    planned = plan(picture(), asked, LIMITS)
    assert [(step.before, step.after) for step in planned.steps] == [
        ((400, 300), (200, 150)),
        ((200, 150), (200, 150)),
        ((200, 150), (40, 30)),
    ]
    assert planned.size == (40, 30)
    assert planned.failure is None
    assert planned.warnings == ()


@pytest.mark.parametrize(
    ("facts", "asked", "code", "steps"),
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
def test_limits_are_foretold(facts: dict[str, Any], asked: list[dict[str, Any]], code: str | None, steps: int) -> None:
    """The first limit that the worker would meet is named by its code, and nothing after it is planned."""
    planned = plan(picture(**facts), pipeline(*asked), LIMITS)
    assert (planned.failure.code if planned.failure else None) == code
    assert len(planned.steps) == steps


@pytest.mark.parametrize(
    ("facts", "asked", "output", "expected"),
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
def test_what_may_surprise_is_told(
    facts: dict[str, Any], asked: list[dict[str, Any]], output: dict[str, Any], expected: list[Any]
) -> None:
    """Each loss has a warning that points at its cause and says whether it is certain; nothing else has."""
    assert codes(plan(picture(**facts), pipeline(*asked, **output), LIMITS)) == expected


@given(st.lists(pipeline_strategies.operations, max_size=4), st.booleans())
def test_no_job_does_other_than_its_plan(operations: list[Any], transparent: bool) -> None:
    """Whatever is asked: the same sizes, the same failure, and no transparency where none was foretold."""
    asked_for = Pipeline(
        operations=tuple(operations), outputs=(Output(), Output(name="flat", format=OutputFormat.JPEG))
    )
    data = sample_images.png(48, 40, "RGBA" if transparent else "RGB")
    planned = plan(picture(width=48, height=40, alpha=transparent), asked_for, ROOMY)
    failure: str | None = None
    try:
        ((_, made), _) = render(data, asked_for, ROOMY, {"logo": sample_images.png(8, 8)}).outputs
    except ImageError as error:
        failure = error.code
    if failure is not None or planned.failure is not None:
        # After a trim a failure may come that nobody could foretell, never the other way round.
        assert (planned.failure.code if planned.failure else None) in ({failure} if planned.exact else {failure, None})
        return
    if planned.exact:
        assert (made.width, made.height) == planned.size
    else:
        assert made.width <= planned.size[0]
        assert made.height <= planned.size[1]
    if sample_images.opened(made.data).has_transparency_data and sample_images.opened(made.data).getextrema()[-1] != (
        255,
        255,
    ):
        assert WarningCode.ALPHA_LOST in {each.code for each in planned.warnings}


def test_a_result_has_a_largest_side() -> None:
    """An image within the limits whose result would be too long fails, as at the worker."""
    planned = plan(picture(width=10_001, height=1), Pipeline(), ROOMY)
    assert planned.failure is not None
    assert planned.failure.code == "SIDE_TOO_LONG"


def test_a_larger_picture_is_estimated_higher() -> None:
    """Time and memory grow with the pixels."""
    small = plan(picture(), DEFAULT_PIPELINE, LIMITS).estimate
    large = plan(picture(width=4000, height=3000), DEFAULT_PIPELINE, LIMITS).estimate
    assert large.milliseconds > small.milliseconds
    assert large.memory_bytes > small.memory_bytes


def test_every_format_and_operation_has_a_cost() -> None:
    """Every input format has a decode cost, every output format an encode cost and every operation a cost."""
    assert all(each.decode_cost > 0 for each in INPUT_FORMATS)
    assert {each for each in INPUT_FORMATS if each.encode_cost > 0} == {each.image_format for each in OutputFormat}
    assert all(getattr(model, "cost") >= 0 for model in operation_models())  # noqa: B009 - unknown to BaseModel


@pytest.mark.parametrize("spelling", ["JPEG", "jpg", "Jpeg", "image/jpeg"])
def test_a_format_has_many_names(spelling: str) -> None:
    """Name, extension and media type all mean the format."""
    found, _ = read_plan_request({"width": 1, "height": 1, "format": spelling})
    assert found.image_format is JPEG


def test_the_beginning_of_a_file_is_enough() -> None:
    """Format, upright size and transparency are read from the first bytes."""
    head = base64.b64encode(sample_images.sideways_jpeg(64, 48)[:1500]).decode()
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
        ({"head": base64.b64encode(sample_images.jpeg()[:40]).decode()}, ["/head"]),
        ({"head": base64.b64encode(sample_images.encoded(sample_images.scene(), "TIFF")).decode()}, ["/head"]),
        (FACTS | {"width": 0}, ["/width"]),
        (FACTS | {"width": "40"}, ["/width"]),
        (FACTS | {"format": "heic"}, ["/format"]),
        (FACTS | {"size": 0}, ["/size"]),
        (FACTS | {"color": "red"}, ["/color"]),
        (FACTS | {"options": {"preset": "web"}}, ["/options/preset"]),
        (FACTS | {"options": {"widht": 3}}, ["/options/widht"]),
    ],
)
def test_a_picture_that_is_not_described_is_refused(fields: dict[str, Any], pointers: list[str]) -> None:
    """What is missing, wrong or unknown is pointed at."""
    with pytest.raises(InvalidRequest) as refused:
        read_plan_request(fields)
    assert [each.pointer for each in refused.value.errors] == pointers


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"pipeline": {"operations": [{"op": "swirl"}]}}, "/pipeline/operations/0"),
        ({"pipeline": {"operations": [{"op": "resize"}]}}, "/pipeline/operations/0"),
        ({"options": {"width": "many"}}, "/options/width"),
        ({"pipeline": {}, "preset": "web"}, ""),
        ({"preset": "web", "options": {"width": 5}}, ""),
    ],
)
def test_a_wrong_pipeline_is_refused_as_on_create(asked: dict[str, Any], pointer: str) -> None:
    """The pipeline is validated as for a job, and pointers lead into this body."""
    with pytest.raises(InvalidPipeline) as refused:
        read_plan_request(FACTS | asked)
    assert [each.pointer for each in refused.value.errors] == [pointer]
