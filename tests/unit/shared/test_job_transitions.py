"""Tests of cancelling, retrying, redriving and deleting jobs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_jobs import LATER, NOW, make_job, make_processing_job

from shared.aws.dynamodb.job_item import from_item, to_item
from shared.errors import RenderInterrupted
from shared.jobs.job import (
    REDRIVEN,
    RETRIABLE,
    RETRIED,
    TERMINAL,
    IllegalTransition,
    Job,
    JobFailure,
    JobStatus,
    ProcessedImage,
)
from shared.pipeline.pipeline import Pipeline

OPEN = frozenset(JobStatus) - TERMINAL
WAIT = timedelta(minutes=15)
FAILURE = JobFailure(code="X", message="m", retriable=True)
OUTPUT = ProcessedImage(
    name="o", key="k", size=1, width=1, height=1, format="PNG", media_type="image/png", digest="0" * 64
)


def job_in(status: JobStatus, *, attempt: int = 3) -> Job:
    """Return a job in this status, with some history."""
    return replace(
        make_job(),
        status=status,
        attempt=attempt,
        uncounted=1,
        requeues=2,
        dead_letters=2,
        error=FAILURE,
        warnings=("w",),
        outputs=(OUTPUT,),
    )


@pytest.mark.parametrize("status", JobStatus)
def test_only_open_jobs_can_be_cancelled(status: JobStatus) -> None:
    """An open job gets the error JOB_CANCELLED; an ended job raises IllegalTransition."""
    if status not in OPEN:
        with pytest.raises(IllegalTransition):
            job_in(status).cancel(now=LATER)
        return
    job = job_in(status).cancel(now=LATER)
    assert (job.status, job.due_at, job.lease_until) == (JobStatus.CANCELLED, None, None)
    assert job.error is not None
    assert (job.error.code, job.history[-1].code, job.is_dead_letter) == ("JOB_CANCELLED", "JOB_CANCELLED", False)


@pytest.mark.parametrize("status", JobStatus)
def test_only_failed_and_cancelled_jobs_can_be_retried(status: JobStatus) -> None:
    """A retry resets the limits in a new generation and keeps the attempt number."""
    if status not in RETRIABLE:
        with pytest.raises(IllegalTransition):
            job_in(status).retry(now=LATER, due_after=WAIT)
        return
    job = job_in(status).retry(now=LATER, due_after=WAIT)
    assert (job.status, job.generation, job.attempt, job.due_at) == (JobStatus.PENDING, 2, 3, LATER + WAIT)
    assert (job.attempts_used, job.requeues, job.dead_letters) == (0, 0, 0)
    assert (job.error, job.warnings, job.outputs) == (None, (), ())
    assert (job.history[-1].code, job.redrives) == (RETRIED, 0)


def test_retry_can_change_the_pipeline() -> None:
    """A given pipeline replaces the old one; otherwise the job keeps it."""
    failed, other = job_in(JobStatus.FAILED), Pipeline()
    assert failed.retry(now=LATER, due_after=WAIT).pipeline == failed.pipeline
    assert failed.retry(now=LATER, due_after=WAIT, pipeline=other).pipeline == other


@pytest.mark.parametrize(("counted", "used"), [(False, 1), (True, 2)])
def test_a_release_ends_the_lease_and_counts_if_told(used: int, *, counted: bool) -> None:
    """Only an attempt that counts uses up one of the job's attempts."""
    running = replace(make_processing_job(), attempt=3, uncounted=1, lease_until=LATER)
    released = running.release(RenderInterrupted(), now=NOW, due_at=LATER, counted=counted)
    assert (released.status, released.lease_until, released.due_at) == (JobStatus.PENDING, None, LATER)
    assert released.attempts_used == used


def test_redrives_are_counted() -> None:
    """Redrives are counted; retries are not."""
    failed = job_in(JobStatus.FAILED)
    again = failed.retry(now=LATER, due_after=WAIT, code=REDRIVEN)
    assert (again.redrives, again.history[-1].code) == (1, REDRIVEN)


@given(status=st.sampled_from(list(JobStatus)), retriable=st.booleans())
def test_dead_letter_index_holds_jobs_with_retryable_errors(status: JobStatus, *, retriable: bool) -> None:
    """Exactly the failed jobs with a retryable error are in the index, each with a unique sort key."""
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
def test_tombstone_makes_messages_and_attempts_stale(status: JobStatus, attempt: int, generation: int) -> None:
    """A tombstone has a new generation in any status, and its objects are due for deletion."""
    leased = replace(job_in(status, attempt=attempt), generation=generation, lease_until=LATER, outputs=())
    job = leased.delete(now=NOW, due_at=LATER)
    assert job.lease_until is None
    assert (job.generation, job.deleted_at, job.status in TERMINAL) == (generation + 1, NOW, True)
    item = to_item(job, "bucket", 4)
    assert not item.keys() & {"DeadShard", "LeaseUntil"}
    assert item.keys() >= {"OpenShard", "DueAt"}
    assert from_item(item) == job
