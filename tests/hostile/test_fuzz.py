"""Fuzzing: damaged files of any format through decode, operations and encode, in the sandbox."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import hostile_files, pipeline_strategies, sample_images
from support.sandboxes import BUDGET, sandbox

from shared.errors import ImageError
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits
from worker.sandbox.pool import Sandbox

LIMITS = Limits(max_bytes=1024 * 1024, max_pixels=1_000_000, max_side=4_000)
TIGHT = replace(BUDGET, memory_bytes=160 * 1024 * 1024, cpu_seconds=10)
SOURCES = {name: hostile_files.good(name) for name in hostile_files.FORMATS}


@pytest.fixture(scope="module")
def boxed() -> Iterator[Sandbox]:
    """Return one sandbox for all examples."""
    with sandbox(TIGHT) as made:
        yield made


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Draw a file: a valid one with parts changed, cut, duplicated or taken from another."""
    data = bytearray(SOURCES[draw(st.sampled_from(sorted(SOURCES)))])
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["set", "cut", "insert", "drop", "double", "splice"]))
        if kind == "set":
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
        elif kind == "cut":
            del data[max(at, 1) :]
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=32))
        elif kind == "drop":
            del data[at : at + draw(st.integers(1, 64))]
        elif kind == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 512))]
        else:
            other = SOURCES[draw(st.sampled_from(sorted(SOURCES)))]
            data[at:] = other[at:]
    return bytes(data)


PIPELINES = st.builds(
    lambda operations, outputs: Pipeline(operations=tuple(operations), outputs=tuple(outputs)),
    st.lists(pipeline_strategies.operations, max_size=3),
    st.lists(pipeline_strategies.outputs, min_size=1, max_size=2, unique_by=lambda output: output.name),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=damaged_files(), pipeline=PIPELINES)
def test_any_file_and_any_pipeline_end_well(boxed: Sandbox, data: bytes, pipeline: Pipeline) -> None:
    """A result that decodes with the stated size, or an image error; never an internal error."""
    try:
        rendered = boxed.render(data, pipeline, LIMITS)
    except ImageError:
        return
    for output, encoded in rendered.outputs:
        image = sample_images.decode(encoded.data)
        assert image.format == output.format.image_format.name
        assert image.size == (encoded.width, encoded.height)
