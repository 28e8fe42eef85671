"""Items of the table that somebody else has written."""

from typing import Any

import pytest
from support.sample_jobs import processing_job

from shared.aws.dynamodb.job_item import from_item, to_item


@pytest.mark.parametrize("stored", ["{", "[]", "", {"operations": []}, ["resize"]])
def test_a_pipeline_that_can_t_be_read_spoils_its_own_job_alone(stored: Any) -> None:
    """The job is read without one, as often as it is listed."""
    item = to_item(processing_job(), "images", 4) | {"Pipeline": stored}
    kept = {name: value for name, value in item.items() if value is not None}
    assert [from_item(kept).pipeline for _ in range(2)] == [None, None]


def test_members_of_a_batch_share_the_pipeline_that_was_read() -> None:
    """Equal texts are read once."""
    item = {name: value for name, value in to_item(processing_job(), "images", 4).items() if value is not None}
    first, second = from_item(item), from_item(item | {"ID": "01HZY3Q1M8Z3J5W7XK9V000002"})
    assert first.pipeline is not None
    assert first.pipeline is second.pipeline
