"""Options of a request for a job."""

from typing import Any

import pytest

from api.jobs.options import read_options
from shared.errors import InvalidPipeline, InvalidRequest, SafelightError
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Fit, Grayscale, Output, OutputFormat, Pipeline, Resize


def first(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a body with a pipeline of one operation."""
    return {"pipeline": {"operations": [operation]}}


def test_no_options_give_the_default_pipeline() -> None:
    """Without options the default pipeline runs."""
    assert read_options({}, {}).to_pipeline() == DEFAULT_PIPELINE


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            {"format": "webp"},
            Pipeline(operations=DEFAULT_PIPELINE.operations, outputs=(Output(format=OutputFormat.WEBP),)),
        ),
        ({"width": "300"}, Pipeline(operations=(Resize(width=300), Grayscale()))),
        ({"grayscale": "false"}, Pipeline(operations=(Resize(width=1024, height=1024),))),
        (
            {"width": "300", "fit": "contain"},
            Pipeline(operations=(Resize(width=300), Grayscale())),
        ),
        (
            {"height": "200", "fit": "exact", "grayscale": "false"},
            Pipeline(operations=(Resize(height=200),)),
        ),
        (
            {"width": "300", "height": "200", "fit": "cover", "enlarge": "true", "format": "JPG", "quality": "70"},
            Pipeline(
                operations=(Resize(width=300, height=200, fit=Fit.COVER, enlarge=True), Grayscale()),
                outputs=(Output(format=OutputFormat.JPEG, quality=70),),
            ),
        ),
        ({"pipeline": '{"operations": [{"op": "grayscale"}]}'}, Pipeline(operations=(Grayscale(),))),
    ],
)
def test_options_make_a_pipeline(query: dict[str, str], expected: Pipeline) -> None:
    """The shorthand changes the default pipeline. A whole pipeline replaces it."""
    assert read_options(query, {}).to_pipeline() == expected


def test_body_and_query_are_merged() -> None:
    """Options may be in both places."""
    options = read_options({"filename": "a.jpg"}, {"width": 300})
    assert (options.filename, options.width) == ("a.jpg", 300)


@pytest.mark.parametrize(
    ("query", "fields", "error", "pointer"),
    [
        ({"widht": "300"}, {}, InvalidRequest, "/widht"),
        ({"width": "300"}, {"width": 300}, InvalidRequest, "/width"),
        ({"filename": "x" * 5000}, {}, InvalidRequest, "/filename"),
        ({"width": "wide"}, {}, InvalidPipeline, "/width"),
        ({"width": "0", "height": "0"}, {}, InvalidPipeline, "/width"),
        ({"fit": "round"}, {}, InvalidPipeline, "/fit"),
        ({"quality": "70"}, {}, InvalidPipeline, ""),
        ({"format": "svg"}, {}, InvalidPipeline, "/format"),
        ({"pipeline": "{"}, {}, InvalidPipeline, "/pipeline"),
        ({"pipeline": "[]"}, {}, InvalidPipeline, "/pipeline"),
        ({"pipeline": "{}", "width": "3"}, {}, InvalidPipeline, ""),
        ({}, first({"op": "swirl"}), InvalidPipeline, "/pipeline/operations/0"),
        (
            {},
            first({"op": "resize", "width": 0}),
            InvalidPipeline,
            "/pipeline/operations/0/width",
        ),
        (
            {},
            first({"op": "grayscale", "a/b": 1}),
            InvalidPipeline,
            "/pipeline/operations/0/a~1b",
        ),
    ],
)
def test_invalid_option_is_pointed_at(
    query: dict[str, str],
    fields: dict[str, Any],
    error: type[SafelightError],
    pointer: str,
) -> None:
    """Every invalid option is rejected with a pointer. None is ignored."""
    with pytest.raises(error) as refused:
        read_options(query, fields).to_pipeline()
    assert pointer in [each.pointer for each in refused.value.errors]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"width": True}, "/width"),
        ({"quality": False, "width": 9}, "/quality"),
        (first({"op": "resize", "width": True}), "/pipeline/operations/0/width"),
        (first({"op": "crop", "width": 9, "height": 9, "x": False, "y": 0}), "/pipeline/operations/0/x"),
        (first({"op": "blur", "radius": True}), "/pipeline/operations/0/radius"),
        ({"pipeline": {"output": {"format": "jpeg", "quality": True}}}, "/pipeline/output/quality"),
    ],
)
def test_booleans_are_not_numbers(fields: dict[str, Any], pointer: str) -> None:
    """JSON's true is not read as 1, nor false as 0."""
    with pytest.raises(InvalidPipeline) as refused:
        read_options({}, fields).to_pipeline()
    assert pointer in [each.pointer for each in refused.value.errors]


@pytest.mark.parametrize(
    ("pipeline", "pointer"),
    [
        ({"output": {"format": "jpeg", "quality": 500}}, "/pipeline/output/quality"),
        ({"outputs": [{"format": "jpeg", "quality": 500}]}, "/pipeline/outputs/0/quality"),
        ({"output": [{"format": "jpeg"}]}, "/pipeline/output"),
        ({"output": {"format": "tiff", "quality": 5}}, "/pipeline/output"),
    ],
)
def test_pointer_to_single_output_has_no_index(pipeline: dict[str, Any], pointer: str) -> None:
    """A pointer for ``output`` has no list index, because the caller sent no list."""
    with pytest.raises(InvalidPipeline) as refused:
        read_options({}, {"pipeline": pipeline})
    assert refused.value.errors[0].pointer == pointer
