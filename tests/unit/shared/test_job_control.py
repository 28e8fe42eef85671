"""Cancelled, retried, redriven, deleted: the moves that somebody asks for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_jobs import LATER, NOW, new_job

from shared.aws.dynamodb.job_item import from_item, to_item
from shared.jobs.job import REDRIVEN, RETRIABLE, RETRIED, TERMINAL, IllegalTransition, Job, JobFailure, JobStatus
from shared.pipeline.pipeline import Pipeline

OPEN = frozenset(JobStatus) - TERMINAL
WAIT = timedelta(minutes=15)
FAILURE = JobFailure(code="X", message="m", retriable=True)


def job_in(status: JobStatus, *, attempt: int = 3) -> Job:
    """Return a job that stands there, with some life behind it."""
    return replace(
        new_job(),
        status=status,
        attempt=attempt,
        uncounted=1,
        requeues=2,
        dead_letters=2,
        error=FAILURE,
        warnings=("w",),
    )


@pytest.mark.parametrize("status", JobStatus)
def test_what_is_open_can_be_cancelled(status: JobStatus) -> None:
    """An open job ends with an error that says so; an ended one stays as it is."""
    if status not in OPEN:
        with pytest.raises(IllegalTransition):
            job_in(status).cancel(now=LATER)
        return
    job = job_in(status).cancel(now=LATER)
    assert (job.status, job.due_at, job.lease_until) == (JobStatus.CANCELLED, None, None)
    assert job.error is not None
    assert (job.error.code, job.history[-1].code, job.is_dead_letter) == ("JOB_CANCELLED", "JOB_CANCELLED", False)


@pytest.mark.parametrize("status", JobStatus)
def test_what_failed_or_was_cancelled_can_be_retried(status: JobStatus) -> None:
    """A retry begins the limits anew in a new generation and keeps the attempt number; nothing else can be retried."""
    if status not in RETRIABLE:
        with pytest.raises(IllegalTransition):
            job_in(status).retry(now=LATER, due_after=WAIT)
        return
    job = job_in(status).retry(now=LATER, due_after=WAIT)
    assert (job.status, job.generation, job.attempt, job.due_at) == (JobStatus.PENDING, 2, 3, LATER + WAIT)
    assert (job.attempts_used, job.requeues, job.dead_letters) == (0, 0, 0)
    assert (job.error, job.warnings, job.outputs) == (None, (), ())
    assert (job.history[-1].code, job.redrives) == (RETRIED, 0)


def test_retry_may_change_the_pipeline() -> None:
    """Another pipeline replaces the old one; none keeps it."""
    failed, other = job_in(JobStatus.FAILED), Pipeline()
    assert failed.retry(now=LATER, due_after=WAIT).pipeline == failed.pipeline
    assert failed.retry(now=LATER, due_after=WAIT, pipeline=other).pipeline == other


def test_redrives_are_counted() -> None:
    """Only an operator's counts."""
    failed = job_in(JobStatus.FAILED)
    again = failed.retry(now=LATER, due_after=WAIT, code=REDRIVEN)
    assert (again.redrives, again.history[-1].code) == (1, REDRIVEN)


@given(status=st.sampled_from(list(JobStatus)), retriable=st.booleans())
def test_index_of_dead_letters_holds_what_may_work_now(status: JobStatus, *, retriable: bool) -> None:
    """Exactly the failed jobs with a retriable error have a place in it, and each a place of its own."""
    job = replace(job_in(status), error=replace(FAILURE, retriable=retriable))
    item = to_item(job, "bucket", 4)
    is_dead = status is JobStatus.FAILED and retriable
    assert job.is_dead_letter == is_dead
    assert ("DeadShard" in item, "DeadReason" in item) == (is_dead, is_dead)
    assert not is_dead or (item["DeadReason"].startswith("X#") and item["DeadReason"].endswith(job.id))


@given(
    status=st.sampled_from(list(JobStatus)),
    attempt=st.integers(0, 50),
    generation=st.integers(1, 50),
)
def test_tombstone_fits_no_message_and_no_attempt(status: JobStatus, attempt: int, generation: int) -> None:
    """Whatever the state, a deleted job is of a generation that was never sent, and waits for its erasure alone."""
    job = replace(job_in(status, attempt=attempt), generation=generation).delete(now=NOW, due_at=LATER)
    assert (job.generation, job.deleted_at, job.status in TERMINAL) == (generation + 1, NOW, True)
    item = to_item(job, "bucket", 4)
    assert not item.keys() & {"DeadShard", "LeaseUntil"}
    assert item.keys() >= {"OpenShard", "DueAt"}
    assert from_item(item) == job
