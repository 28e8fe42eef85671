"""Tests of job items, written by this and other versions."""

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from support.sample_jobs import NOW, make_processing_job

from shared.aws.dynamodb.job_item import from_item, to_item
from shared.aws.dynamodb.wire import from_wire, to_wire
from shared.jobs import object_keys
from shared.jobs.job import Job, ProcessedImage


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


def complete_job(outputs: int, receipt: str | None = None) -> Job:
    """Return a completed job with this number of outputs."""
    job = make_processing_job()
    images = tuple(
        ProcessedImage(
            name=f"w{320 + index}-avif",
            key=object_keys.processed_key(job.id, job.attempt, f"w{320 + index}-avif", "avif"),
            size=12_345,
            width=320 + index,
            height=240,
            format="AVIF",
            media_type="image/avif",
            digest=hashlib.sha256(bytes([index])).hexdigest(),
        )
        for index in range(outputs)
    )
    completed = job.complete(raw=job.raw, outputs=images, warnings=(), now=NOW, full_width=4000)
    return replace(completed, receipt=receipt)


def store(job: Job) -> dict[str, Any]:
    """Return the item of a job as DynamoDB returns it."""
    return from_wire(to_wire({name: value for name, value in to_item(job, "images", 4).items() if value is not None}))


@pytest.mark.parametrize("count", [1, 4, 5, 40])
def test_outputs_are_read_as_they_were_stored(count: int) -> None:
    """With few outputs and with many."""
    job = complete_job(count, receipt='{"a":"' + "b" * 10_000 + '"}')
    assert from_item(store(job)) == job


def test_jobs_with_few_outputs_keep_their_form() -> None:
    """Other programs and earlier versions read them."""
    item = store(complete_job(4, receipt="{}"))
    assert item["Outputs"][0]["Key"].startswith("processed/")
    assert isinstance(item["Outputs"][0]["Digest"], str)
    assert item["Receipt"] == "{}"


def test_many_outputs_take_little_space() -> None:
    """What follows from other values is left out, digests are binary, and the receipt is compressed."""
    job = complete_job(40)
    receipt = json.dumps([asdict(output) for output in job.outputs])
    item = store(replace(job, receipt=receipt))
    assert "Key" not in item["Outputs"][0]
    assert len(bytes(item["Outputs"][0]["Digest"])) == 32
    assert len(bytes(item["Receipt"])) < len(receipt) / 3


def test_key_that_does_not_follow_from_the_job_is_stored() -> None:
    """For example, the key of an earlier attempt."""
    job = complete_job(5)
    moved = replace(job, outputs=(replace(job.outputs[0], key="processed/elsewhere.avif"), *job.outputs[1:]))
    assert from_item(store(moved)) == moved
