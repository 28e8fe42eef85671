"""Changes of the table: which of them are the end of a job."""

from datetime import timedelta

import pytest
from support import events
from support.sample_jobs import LATER, make_job, make_processing_job

from notifier.app import read_finished_job
from shared.aws.dynamodb.job_item import to_item
from shared.aws.dynamodb.wire import to_wire
from shared.errors import BadMessage
from shared.jobs.job import Job, JobFailure

FAILED = make_processing_job().fail(JobFailure(code="X", message="m", retriable=True), now=LATER)


def image(job: Job) -> dict[str, object]:
    """Return a job as the stream shows it."""
    return dict(to_wire(to_item(job, "bucket", listing_shards=4)))


def test_an_end_is_one() -> None:
    """The write that ends a job brings that job."""
    assert read_finished_job(events.make_stream_record(image(FAILED))) == FAILED


@pytest.mark.parametrize(
    "record",
    [
        events.make_stream_record(image(make_job()), kind="INSERT"),
        events.make_stream_record(image(make_processing_job())),
        events.make_stream_record(image(FAILED.retry(now=LATER, due_after=timedelta(1)))),
        events.make_stream_record(image(FAILED.delete(now=LATER, due_at=LATER))),
        events.make_stream_record(image(make_job().delete(now=LATER, due_at=LATER))),
        {"eventName": "REMOVE", "dynamodb": {"Keys": {"ID": {"S": FAILED.id}}}},
    ],
    ids=["new", "claimed", "retried", "deleted", "deleted while open", "removed"],
)
def test_nothing_else_is_an_end(record: dict[str, object]) -> None:
    """Neither a job that goes on, nor a retry, nor a deletion or what TTL removes."""
    assert read_finished_job(record) is None


@pytest.mark.parametrize(
    "item",
    [{}, {"ID": {"S": "x"}}, {"Status": {"S": "EXPLODED"}}, image(FAILED) | {"Status": {"S": "EXPLODED"}}],
)
def test_what_is_no_job_is_named(item: dict[str, object]) -> None:
    """A record that is none of ours is a BadMessage, not a crash that would hold up the stream."""
    with pytest.raises(BadMessage):
        read_finished_job(events.make_stream_record(item))
