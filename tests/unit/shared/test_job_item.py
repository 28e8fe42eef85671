"""Tests of job items, written by this and other versions."""

from typing import Any

import pytest
from support.sample_jobs import make_processing_job

from shared.aws.dynamodb.job_item import from_item, to_item


@pytest.mark.parametrize("stored", ["{", "[]", "", {"operations": []}, ["resize"]])
def test_unreadable_pipeline_is_read_as_none(stored: Any) -> None:
    """The job is still read, on every listing."""
    item = to_item(make_processing_job(), "images", 4) | {"Pipeline": stored}
    kept = {name: value for name, value in item.items() if value is not None}
    assert [from_item(kept).pipeline for _ in range(2)] == [None, None]


def test_equal_pipelines_are_parsed_once() -> None:
    """Jobs with the same stored text share one pipeline."""
    item = {name: value for name, value in to_item(make_processing_job(), "images", 4).items() if value is not None}
    first, second = from_item(item), from_item(item | {"ID": "01HZY3Q1M8Z3J5W7XK9V000002"})
    assert first.pipeline is not None
    assert first.pipeline is second.pipeline
