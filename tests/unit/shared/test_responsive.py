"""Responsive outputs and outputs with their own operations."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.pipeline.pipeline import MAX_OUTPUTS, Output, Pipeline
from shared.pipeline.preset import BUILT_IN

REQUEST = {"widths": [320, 640], "formats": ["avif", "JPG"], "quality": {"jpg": 70}}


def make_pipeline(**more: Any) -> Pipeline:
    """Return a pipeline with responsive outputs."""
    return Pipeline.model_validate({"responsive": REQUEST | more})


def test_every_width_and_format_is_one_output() -> None:
    """Named by width and format, in the order of the request, with the quality of the format."""
    expansion = make_pipeline().expand_outputs(640)
    assert [(each.name, each.format.value, each.quality) for each in expansion.outputs] == [
        ("w320-avif", "avif", None),
        ("w320-jpeg", "jpeg", 70),
        ("w640-avif", "avif", None),
        ("w640-jpeg", "jpeg", 70),
    ]
    assert expansion.skipped == ()


def test_widths_larger_than_the_image_are_skipped() -> None:
    """The reason names the width of the image."""
    expansion = make_pipeline().expand_outputs(639)
    assert [each.name for each in expansion.outputs] == ["w320-avif", "w320-jpeg"]
    assert [(each.name, each.width, each.reason) for each in expansion.skipped] == [
        ("w640-avif", 640, "The image is 639 pixels wide and is not enlarged."),
        ("w640-jpeg", 640, "The image is 639 pixels wide and is not enlarged."),
    ]


def test_small_image_is_written_in_its_own_width() -> None:
    """If all widths are skipped, each format is still there once."""
    expansion = make_pipeline().expand_outputs(100)
    assert [each.name for each in expansion.outputs] == ["w100-avif", "w100-jpeg"]
    assert len(expansion.skipped) == 4


def test_other_outputs_come_first() -> None:
    """Outputs and responsive outputs can be combined."""
    pipeline = Pipeline.model_validate({"outputs": [{"name": "full"}], "responsive": REQUEST})
    assert [each.name for each in pipeline.expand_outputs(320).outputs] == ["full", "w320-avif", "w320-jpeg"]


def test_pipeline_is_read_as_it_was_written() -> None:
    """As JSON, without the outputs that follow from the width of the image."""
    pipeline = make_pipeline()
    text = pipeline.model_dump_json(exclude_none=True)
    assert Pipeline.model_validate_json(text) == pipeline
    assert "w320" not in text


def test_pipelines_without_variants_are_stored_as_before() -> None:
    """Earlier versions can read them."""
    texts = [preset.pipeline.model_dump_json(exclude_none=True) for preset in BUILT_IN.values()]
    assert not any("responsive" in text or '"operations"' in text.partition("outputs")[2] for text in texts)


@pytest.mark.parametrize(
    ("pipeline", "location", "message"),
    [
        ({"responsive": REQUEST | {"widths": []}}, ("responsive", "widths"), "at least 1 item"),
        ({"responsive": REQUEST | {"widths": [5, 5]}}, ("responsive",), "every width must be different"),
        ({"responsive": REQUEST | {"widths": [10_001]}}, ("responsive", "widths", 0), "less than or equal to 10000"),
        ({"responsive": REQUEST | {"widths": ["320"]}}, ("responsive", "widths", 0), "valid integer"),
        ({"responsive": REQUEST | {"formats": ["jpg", "jpeg"]}}, ("responsive",), "every format must be different"),
        ({"responsive": REQUEST | {"formats": ["svg"]}}, ("responsive", "formats", 0), "Input should be"),
        ({"responsive": REQUEST | {"quality": {"webp": 5}}}, ("responsive",), "webp, which is not one of the formats"),
        ({"responsive": REQUEST | {"quality": {"png": 5}}}, ("responsive", "quality", "png"), "not permitted"),
        ({"responsive": REQUEST | {"quality": {"avif": 101}}}, ("responsive", "quality", "avif"), "less than or equal"),
        (
            {"responsive": REQUEST | {"widths": [*range(1, 22)]}},
            ("responsive",),
            "21 widths in 2 formats are 42 outputs; at most 40 are allowed. Use fewer widths or formats",
        ),
        (
            {"responsive": REQUEST | {"widths": [*range(1, 21)]}, "outputs": [{}]},
            ("outputs",),
            "1 outputs and 40 responsive outputs are 41 outputs; at most 40 are allowed",
        ),
        ({"responsive": REQUEST, "output": {"name": "w7-png"}}, ("output",), "the name w7-png is reserved"),
        ({"outputs": []}, ("outputs",), "a pipeline needs outputs or responsive"),
        ({"outputs": [{"name": f"a{index}"} for index in range(MAX_OUTPUTS + 1)]}, ("outputs",), "at most 40 items"),
        ({"output": {"operations": [{"op": "flip"}] * 11}}, ("output", 0, "operations"), "at most 10 items"),
        ({"output": {"operations": [{"op": "rotate"}]}}, ("output", 0, "operations", 0, "rotate", "angle"), "required"),
    ],
)
def test_invalid_request_is_refused_with_its_location(
    pipeline: dict[str, Any], location: tuple[Any, ...], message: str
) -> None:
    """The error names the field, the value and what is allowed."""
    with pytest.raises(ValidationError) as refused:
        Pipeline.model_validate(pipeline)
    assert refused.value.errors()[0]["loc"] == location
    assert message in refused.value.errors()[0]["msg"]


def test_long_pipeline_is_refused() -> None:
    """The record of a job must hold it."""
    mark = {"op": "watermark", "text": "x" * 200}
    outputs = [{"name": f"a{index}", "operations": [mark] * 10} for index in range(40)]
    with pytest.raises(ValidationError, match="bytes as JSON; at most 65,536 are allowed"):
        Pipeline.model_validate({"outputs": outputs})


def test_single_output_has_no_variants() -> None:
    """``is_single`` decides whether messages name the output."""
    assert Pipeline().is_single
    assert not Pipeline(outputs=(Output(name="a"), Output(name="b"))).is_single
    assert not make_pipeline().is_single
