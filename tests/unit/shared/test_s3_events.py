"""Tests of S3 event notifications."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import events

from shared.errors import BadMessage
from shared.jobs.message import JobMessage
from shared.jobs.object_keys import direct_key, job_of_direct_key
from shared.jobs.s3_events import CreatedObject, parse_s3_event

JOB = "01HZY3Q1M8Z3J5W7XK9V2B4C6D"


@given(st.text(min_size=1, max_size=50), st.integers(0, 2**40))
def test_every_key_is_decoded(key: str, size: int) -> None:
    """The URL encoding of every key is reversed."""
    assert parse_s3_event(events.s3("b", key, size)) == (CreatedObject("b", key, size),)


def test_test_event_has_no_objects() -> None:
    """The test event of S3 is recognized and has no objects."""
    body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "now", "Bucket": "b"})
    assert parse_s3_event(body) == ()


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{", "{}", '"Records"', JobMessage(job_id=JOB, generation=1).encode()]
)
def test_other_messages_are_not_events(body: str) -> None:
    """Job messages and other texts are not S3 events."""
    assert parse_s3_event(body) is None


@pytest.mark.parametrize(
    "record",
    [
        *(None, {}, {"s3": None}, {"s3": {"object": {"key": "k"}}}, {"s3": {"bucket": {"name": "b"}, "object": {}}}),
        {"s3": {"bucket": {"name": "b"}, "object": {"key": "%ff"}}},
        *({"s3": {"bucket": {"name": "b"}, "object": {"key": "k", "size": float(size)}}} for size in ("inf", "nan")),
    ],
)
def test_malformed_event_is_refused(record: object) -> None:
    """An event without an object raises BadMessage."""
    with pytest.raises(BadMessage):
        parse_s3_event(json.dumps({"Records": [record]}))


@pytest.mark.parametrize("bulk", [False, True])
def test_key_identifies_its_job(bulk: bool) -> None:
    """The job ID of a direct upload is in its key, for both queues."""
    assert job_of_direct_key(direct_key(JOB, bulk=bulk)) == JOB


@pytest.mark.parametrize(
    "key",
    ["", JOB, f"raw/api/{JOB}", f"raw/direct/{JOB}/x", "raw/direct/", f"raw/direct/../{JOB}", f"raw/bulk/{JOB[:-1]}"],
)
def test_other_keys_identify_no_job(key: str) -> None:
    """Keys that no upload form allows are not direct uploads."""
    assert job_of_direct_key(key) is None


def test_object_of_another_bucket_belongs_to_no_job() -> None:
    """An upload counts only in the bucket of the images."""
    upload = CreatedObject("b", direct_key(JOB, bulk=False), 1)
    assert upload.to_message("b") is not None
    assert upload.to_message("other") is None
