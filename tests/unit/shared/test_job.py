"""Tests of new jobs and their transitions."""

import itertools
from datetime import timedelta

import pytest
from support.sample_jobs import LATER, NOW, RAW, make_job, make_processing_job

from shared.errors import NotAnImage
from shared.jobs.job import (
    MAX_HISTORY,
    TERMINAL,
    TRANSITIONS,
    IllegalTransition,
    JobFailure,
    JobStatus,
    Transition,
    trim_history,
)


def test_new_job_is_pending_and_has_a_due_time() -> None:
    """A new job is PENDING without attempts, and the reconciler has a time to check it."""
    job = make_job()
    assert (job.status, job.attempt, job.generation) == (JobStatus.PENDING, 0, 1)
    assert job.due_at == NOW + timedelta(minutes=15)
    assert [line.status for line in job.history] == [JobStatus.PENDING]


def test_completing_a_job_returns_a_new_value() -> None:
    """A transition does not change the old job and removes lease and due time."""
    before = make_processing_job()
    after = before.complete(raw=RAW, outputs=(), warnings=("w",), now=LATER)
    assert before.status is JobStatus.PROCESSING
    assert after.status is JobStatus.COMPLETED
    assert after.timestamp == LATER
    assert after.lease_until is None
    assert after.due_at is None


def test_failed_job_has_the_error_in_its_history() -> None:
    """A failure is stored in the job and its code in the history."""
    job = make_processing_job().fail(JobFailure.of(NotAnImage()), now=LATER)
    assert job.error is not None
    assert job.error.code == "NOT_AN_IMAGE"
    assert job.history[-1] == Transition(status=JobStatus.FAILED, at=LATER, code="NOT_AN_IMAGE")


@pytest.mark.parametrize(
    ("source", "target"),
    [pair for pair in itertools.product(JobStatus, JobStatus) if pair[1] not in TRANSITIONS[pair[0]]],
)
def test_illegal_transitions_are_refused(source: JobStatus, target: JobStatus) -> None:
    """Each pair that the transition table does not have is refused."""
    job = make_job()
    object.__setattr__(job, "status", source)
    with pytest.raises(IllegalTransition):
        job._transition(target, LATER)


def test_completed_and_expired_jobs_never_change() -> None:
    """Of the terminal statuses only FAILED and CANCELLED can be retried."""
    assert {status for status in TERMINAL if TRANSITIONS[status]} == {JobStatus.FAILED, JobStatus.CANCELLED}


def test_history_keeps_the_first_and_the_newest_transitions() -> None:
    """A long history loses transitions in the middle, never the first one."""
    lines = tuple(Transition(status=JobStatus.PENDING, at=NOW + timedelta(seconds=n)) for n in range(MAX_HISTORY + 20))
    kept = trim_history(lines)
    assert len(kept) == MAX_HISTORY
    assert kept[0] == lines[0]
    assert kept[-1] == lines[-1]


def test_elapsed_time_starts_again_with_a_retry() -> None:
    """The elapsed time counts from the upload or the last retry."""
    done = make_processing_job().fail(JobFailure(code="X", message="m", retriable=True), now=LATER)
    assert done.elapsed == LATER - done.uploaded_at
    retried_at = LATER + timedelta(days=3)
    cancelled = done.retry(now=retried_at, due_after=timedelta(minutes=15)).cancel(
        now=retried_at + timedelta(seconds=2)
    )
    assert cancelled.elapsed == timedelta(seconds=2)
