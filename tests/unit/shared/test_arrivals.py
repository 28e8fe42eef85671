"""What S3 says of objects that have arrived."""

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
def test_every_key_is_read_as_it_was(key: str, size: int) -> None:
    """Whatever is in a key, the encoding of the event is undone."""
    assert parse_s3_event(events.s3("b", key, size)) == (CreatedObject("b", key, size),)


def test_test_event_tells_of_nothing() -> None:
    """What S3 sends when a notification is set up is recognised and empty."""
    body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "now", "Bucket": "b"})
    assert parse_s3_event(body) == ()


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{", "{}", '"Records"', JobMessage(job_id=JOB, generation=1).encode()]
)
def test_other_messages_are_no_events(body: str) -> None:
    """A message of our own, and any text, is left to others."""
    assert parse_s3_event(body) is None


@pytest.mark.parametrize(
    "record",
    [None, {}, {"s3": None}, {"s3": {"object": {"key": "k"}}}, {"s3": {"bucket": {"name": "b"}, "object": {}}}],
)
def test_event_without_its_parts_is_refused(record: object) -> None:
    """An event that names no object is a bad message, whatever is missing."""
    with pytest.raises(BadMessage):
        parse_s3_event(json.dumps({"Records": [record]}))


@pytest.mark.parametrize("bulk", [False, True])
def test_key_names_its_job(bulk: bool) -> None:
    """The job of a direct upload is read from its key, in either lane."""
    assert job_of_direct_key(direct_key(JOB, bulk=bulk)) == JOB


@pytest.mark.parametrize(
    "key",
    ["", JOB, f"raw/api/{JOB}", f"raw/direct/{JOB}/x", "raw/direct/", f"raw/direct/../{JOB}", f"raw/bulk/{JOB[:-1]}"],
)
def test_other_keys_name_no_job(key: str) -> None:
    """Only what a form can lead to is an upload."""
    assert job_of_direct_key(key) is None
