"""Stream records: which of them finish a job."""

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
    """Return a job as in the stream."""
    return dict(to_wire(to_item(job, "bucket", listing_shards=4)))


def test_a_finishing_write_is_recognized() -> None:
    """It returns the job."""
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
def test_other_writes_are_not_a_finished_job(record: dict[str, object]) -> None:
    """Running jobs, retries, deletions and what TTL removes."""
    assert read_finished_job(record) is None


@pytest.mark.parametrize(
    "item",
    [{}, {"ID": {"S": "x"}}, {"Status": {"S": "EXPLODED"}}, image(FAILED) | {"Status": {"S": "EXPLODED"}}],
)
def test_an_unreadable_record_is_a_bad_message(item: dict[str, object]) -> None:
    """It does not block the stream."""
    with pytest.raises(BadMessage):
        read_finished_job(events.make_stream_record(item))
