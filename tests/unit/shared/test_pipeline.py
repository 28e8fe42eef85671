"""What may be asked of an image."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.pipeline.pipeline import DEFAULT_PIPELINE, Grayscale, Output, OutputFormat, Pipeline, Resize


def test_default_fits_grays_and_writes_png() -> None:
    """Without wishes: inside 1024 × 1024, not enlarged, gray, PNG."""
    assert DEFAULT_PIPELINE.operations == (Resize(width=1024, height=1024, enlarge=False), Grayscale())
    assert [output.format for output in DEFAULT_PIPELINE.outputs] == [OutputFormat.PNG]


def test_stored_pipeline_reads_back_equal() -> None:
    """What the table keeps as JSON is the same pipeline again."""
    pipeline = Pipeline.model_validate(
        {"operations": [{"op": "resize", "width": 5, "fit": "inside"}], "output": {"format": "JPG", "quality": 70}},
    )
    assert Pipeline.model_validate_json(pipeline.model_dump_json(exclude_none=True)) == pipeline


@pytest.mark.parametrize("spelling", ["jpg", "JPG", "JPEG", "jpeg"])
def test_jpeg_has_four_spellings(spelling: str) -> None:
    """People write JPEG in many ways and mean one."""
    assert Output.model_validate({"format": spelling}).format is OutputFormat.JPEG


@pytest.mark.parametrize(
    ("asked", "where"),
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
def test_what_breaks_a_rule_is_refused_where_it_stands(asked: dict[str, Any], where: tuple[Any, ...]) -> None:
    """Every wrong wish is refused, and the error names its place."""
    with pytest.raises(ValidationError) as refused:
        Pipeline.model_validate(asked)
    assert refused.value.errors()[0]["loc"] == where
