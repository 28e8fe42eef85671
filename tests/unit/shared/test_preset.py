"""Tests of built-in presets and of names."""

import pytest

from shared.names import NAME_PATTERN, is_name
from shared.pipeline.operations import Watermark
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import BUILT_IN

#: What each version asks for beyond the defaults. A line never changes: a changed preset is a new line.
RELEASED: dict[tuple[str, int], str] = {
    ("default", 1): 'resize{"width":1024,"height":1024} grayscale{} output{}',
    ("thumbnail", 1): 'resize{"width":256,"height":256,"fit":"cover"} output{"format":"jpeg","quality":80}',
    ("preview", 1): 'resize{"width":640,"height":640} output{"format":"jpeg","quality":78}',
    ("web", 1): 'resize{"width":1600,"height":1600} output{"format":"webp","quality":80}',
    (
        "web-compatible",
        1,
    ): 'resize{"width":1600,"height":1600} output{"name":"webp","format":"webp","quality":80} '
    'output{"name":"jpeg","format":"jpeg","quality":82}',
    ("social", 1): 'resize{"width":1200,"height":630,"fit":"cover"} output{"format":"jpeg","quality":85}',
    ("archive", 1): "output{}",
}


def explicit_fields(pipeline: Pipeline) -> str:
    """Write what a pipeline asks for, without defaults: a new parameter changes no preset by being there."""
    steps = (*pipeline.operations, *pipeline.outputs)
    return " ".join(
        getattr(step, "op", "output") + step.model_dump_json(exclude_defaults=True, exclude={"op"}) for step in steps
    )


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_version_never_changes(name: str) -> None:
    """A released version of a built-in preset keeps its pipeline."""
    preset = BUILT_IN[name]
    assert RELEASED[preset.name, preset.version] == explicit_fields(preset.pipeline)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_preset_is_valid(name: str) -> None:
    """Each has a description, valid JSON and a valid name."""
    preset = BUILT_IN[name]
    assert preset.name == name
    assert is_name(name)
    assert preset.description.endswith(".")
    assert preset.built_in
    assert Pipeline.model_validate_json(preset.pipeline.model_dump_json(exclude_none=True)) == preset.pipeline


@pytest.mark.parametrize("name", ["", "Web", "a b", "a/b", "..", "-a", "_a", "a" * 65, "ä", "a\n", "a#b"])
def test_unsafe_names_are_refused(name: str) -> None:
    """Names that traverse paths, split keys or resemble other names are refused."""
    assert not is_name(name)


@pytest.mark.parametrize("name", ["a", "web", "web-2x", "2_up", "a" * 64])
def test_valid_names_are_accepted(name: str) -> None:
    """Lowercase letters, digits, hyphens and underscores are accepted."""
    assert is_name(name)


def test_every_asset_name_is_valid_in_a_watermark() -> None:
    """Watermarks accept every name that an asset can have."""
    taken, _ = Watermark.model_json_schema()["properties"]["image"]["anyOf"]
    assert taken["pattern"] == NAME_PATTERN
