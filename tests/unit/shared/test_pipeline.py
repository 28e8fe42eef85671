"""Tests of the pipeline models."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.pipeline.pipeline import DEFAULT_PIPELINE, Grayscale, Output, OutputFormat, Pipeline, Resize


def test_default_pipeline_is_1024_grayscale_png() -> None:
    """By default, images are scaled down to fit 1024 × 1024, converted to grayscale and saved as PNG."""
    assert DEFAULT_PIPELINE.operations == (Resize(width=1024, height=1024, enlarge=False), Grayscale())
    assert [output.format for output in DEFAULT_PIPELINE.outputs] == [OutputFormat.PNG]


def test_pipeline_round_trips_as_json() -> None:
    """A pipeline stored as JSON is parsed to an equal one."""
    pipeline = Pipeline.model_validate(
        {"operations": [{"op": "resize", "width": 5, "fit": "inside"}], "output": {"format": "JPG", "quality": 70}},
    )
    assert Pipeline.model_validate_json(pipeline.model_dump_json(exclude_none=True)) == pipeline


@pytest.mark.parametrize("spelling", ["jpg", "JPG", "JPEG", "jpeg"])
def test_jpeg_spellings_are_accepted(spelling: str) -> None:
    """All spellings mean the format jpeg."""
    assert Output.model_validate({"format": spelling}).format is OutputFormat.JPEG


@pytest.mark.parametrize(
    ("pipeline", "location"),
    [
        ({"operations": [{"op": "resize", "width": 0, "height": 0}]}, ("operations", 0, "resize", "width")),
        ({"operations": [{"op": "resize", "width": 10_001}]}, ("operations", 0, "resize", "width")),
        ({"operations": [{"op": "resize"}]}, ("operations", 0, "resize")),
        ({"operations": [{"op": "resize", "width": 5, "fit": "cover"}]}, ("operations", 0, "resize")),
        ({"operations": [{"op": "swirl"}]}, ("operations", 0)),
        ({"operations": [{"op": "grayscale", "strength": 3}]}, ("operations", 0, "grayscale", "strength")),
        ({"operations": [{"op": "grayscale"}] * 11}, ("operations",)),
        ({"output": {"format": "svg"}}, ("output", 0, "format")),
        ({"output": {"format": "png", "quality": 50}}, ("output", 0)),
        ({"output": {"format": "gif", "keep": ["copyright"]}}, ("output", 0)),
        ({"output": {"format": "webp", "keep": ["gps"]}}, ("output", 0, "keep", 0)),
        ({"output": {"format": "png", "max_bytes": 5000}}, ("output", 0)),
        ({"output": {"format": "jpeg", "max_bytes": 255}}, ("output", 0, "max_bytes")),
        ({"operations": [{"op": "rotate", "angle": 999}]}, ("operations", 0, "rotate", "angle")),
        ({"operations": [{"op": "crop", "width": 1.5, "height": 1}]}, ("operations", 0, "crop", "width")),
        ({"operations": [{"op": "watermark", "text": "a\nb"}]}, ("operations", 0, "watermark", "text")),
        ({"output": {"name": "../x"}}, ("output", 0, "name")),
        ({"output": {}, "outputs": [{}]}, ()),
        ({"outputs": []}, ("outputs",)),
        ({"outputs": [{"name": "a"}, {"name": "a"}]}, ()),
        ({"operation": []}, ("operation",)),
    ],
)
def test_invalid_field_is_refused_with_its_location(pipeline: dict[str, Any], location: tuple[Any, ...]) -> None:
    """Every invalid field is refused, and the error has its location."""
    with pytest.raises(ValidationError) as refused:
        Pipeline.model_validate(pipeline)
    assert refused.value.errors()[0]["loc"] == location
