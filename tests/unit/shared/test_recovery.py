"""Tests of the decisions about overdue jobs and dead letters."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_jobs import NOW, make_job, make_processing_job

from infra.deployment.template import load_template, parameter_defaults
from shared.errors import ServiceUnavailable
from shared.jobs.job import JobStatus
from shared.jobs.recovery import (
    RecoveryPolicy,
    RecoveryStep,
    compute_longest_lifetime,
    decide_dead_letter,
    decide_overdue,
)

POLICY = RecoveryPolicy(
    max_attempts=5,
    max_dead_letters=3,
    redispatch=timedelta(minutes=15),
    longest_redispatch=timedelta(hours=2),
)
OVERDUE = NOW + timedelta(hours=1)


def test_pending_job_is_requeued_with_a_later_due_time() -> None:
    """The message is sent again; the interval doubles up to its limit."""
    job, distances = make_job(), []
    now = OVERDUE
    for _ in range(6):
        decision = decide_overdue(job, POLICY, now)
        assert decision.step is RecoveryStep.SEND
        job = decision.job
        assert job.due_at is not None
        distances.append(job.due_at - now)
        now = job.due_at
    minutes = [distance / timedelta(minutes=1) for distance in distances]
    assert minutes == [15, 30, 60, 120, 120, 120]
    assert job.status is JobStatus.PENDING


def test_job_without_attempts_never_fails_by_waiting() -> None:
    """A job without attempts does not fail, however long the queue is."""
    job = replace(make_job(), requeues=1000)
    assert decide_overdue(job, POLICY, OVERDUE).step is RecoveryStep.SEND


def test_job_that_is_not_due_is_unchanged() -> None:
    """The index may show a job that has changed since."""
    assert decide_overdue(make_job(), POLICY, NOW).step is RecoveryStep.NOTHING


def test_leased_job_is_unchanged() -> None:
    """A job with a valid lease is unchanged."""
    job = replace(make_processing_job(), attempt=1, lease_until=OVERDUE, due_at=NOW)
    assert decide_overdue(job, POLICY, OVERDUE).step is RecoveryStep.NOTHING
    assert decide_dead_letter(job, POLICY, OVERDUE).step is RecoveryStep.NOTHING


def test_expired_lease_is_requeued_until_attempts_are_exhausted() -> None:
    """After the last attempt the job fails with ATTEMPTS_EXHAUSTED."""
    lost = replace(make_processing_job(), attempt=4, lease_until=NOW, due_at=NOW)
    assert decide_overdue(lost, POLICY, OVERDUE).step is RecoveryStep.SEND
    last = decide_overdue(replace(lost, attempt=5), POLICY, OVERDUE)
    assert (last.step, last.job.status) == (RecoveryStep.END, JobStatus.FAILED)
    assert last.job.error is not None
    assert last.job.error.code == "ATTEMPTS_EXHAUSTED"


def test_attempt_ended_by_a_service_fault_is_not_counted() -> None:
    """A released job has as many attempts left as before, although its attempt number has grown."""
    running = replace(make_processing_job(), attempt=5, uncounted=2, lease_until=OVERDUE)
    released = running.release(ServiceUnavailable(), now=NOW, due_at=NOW)
    assert (released.status, released.attempt, released.attempts_used) == (JobStatus.PENDING, 5, 2)
    assert released.history[-1].code == "SERVICE_UNAVAILABLE"
    assert decide_overdue(released, POLICY, OVERDUE).step is RecoveryStep.SEND


def test_upload_that_never_arrived_expires() -> None:
    """A job whose upload did not arrive in time expires."""
    job = replace(make_job(), status=JobStatus.AWAITING_UPLOAD)
    decision = decide_overdue(job, POLICY, OVERDUE)
    assert (decision.step, decision.job.status) == (RecoveryStep.END, JobStatus.EXPIRED)


def test_a_dead_letter_of_an_event_does_not_end_the_wait_for_an_upload() -> None:
    """The reconciler looks for the upload when the job is due."""
    job = replace(make_job(), status=JobStatus.AWAITING_UPLOAD, dead_letters=2)
    decision = decide_dead_letter(job, POLICY, NOW + timedelta(days=3))
    assert (decision.step, decision.job) == (RecoveryStep.NOTHING, job)


@pytest.mark.parametrize("attempt", range(5))
def test_dead_letters_fail_a_job_only_after_give_up_after(attempt: int) -> None:
    """However many messages die, the job fails only after give_up_after."""
    job = replace(make_job(), attempt=attempt)
    for count in range(1, 41):
        decision = decide_dead_letter(job, POLICY, NOW + POLICY.give_up_after - timedelta(milliseconds=1))
        assert (decision.step, decision.job.dead_letters) == (RecoveryStep.WAIT, count)
        job = decision.job
    assert decide_dead_letter(job, POLICY, NOW + POLICY.give_up_after).step is RecoveryStep.END


def test_few_dead_letters_do_not_fail_an_old_job() -> None:
    """A job that waited for days in a backlog still gets its messages."""
    job, late, steps = make_job(), NOW + timedelta(days=3), []
    for _ in range(3):
        decision = decide_dead_letter(job, POLICY, late)
        steps.append(decision.step)
        job = decision.job
    assert steps == [RecoveryStep.WAIT, RecoveryStep.WAIT, RecoveryStep.END]
    assert job.error is not None
    assert job.error.code == "ATTEMPTS_EXHAUSTED"


def test_give_up_after_starts_again_with_a_retry() -> None:
    """A retried old job is tried as long as a new one."""
    old = replace(make_job(), status=JobStatus.FAILED)
    later = NOW + timedelta(days=3)
    job = replace(old.retry(now=later, due_after=timedelta(minutes=15)), dead_letters=9)
    assert decide_dead_letter(job, POLICY, later + timedelta(hours=5)).step is RecoveryStep.WAIT
    assert decide_dead_letter(job, POLICY, later + timedelta(hours=6)).step is RecoveryStep.END


def test_reconciler_fails_no_job_for_dead_letters() -> None:
    """The current message of the job may still be in the queue."""
    job = replace(make_job(), dead_letters=9)
    assert decide_overdue(job, POLICY, NOW + timedelta(days=3)).step is RecoveryStep.SEND


@pytest.mark.parametrize("status", list(JobStatus))
def test_interrupted_deletion_is_finished(status: JobStatus) -> None:
    """A due tombstone is erased in any status, with longer intervals if that fails."""
    tombstone = replace(make_job(), status=status, requeues=7).delete(now=NOW, due_at=OVERDUE)
    assert decide_overdue(tombstone, POLICY, NOW).step is RecoveryStep.NOTHING
    distances = []
    now = OVERDUE
    for _ in range(3):
        decision = decide_overdue(tombstone, POLICY, now)
        assert decision.step is RecoveryStep.ERASE
        tombstone = decision.job
        assert tombstone.due_at is not None
        distances.append((tombstone.due_at - now) / timedelta(minutes=1))
        now = tombstone.due_at
    assert distances == [15, 30, 60]


@pytest.mark.parametrize("status", [status for status in JobStatus if status.is_terminal])
def test_ended_job_is_unchanged(status: JobStatus) -> None:
    """Recovery does not change terminal jobs."""
    job = replace(make_job(), status=status)
    assert decide_overdue(job, POLICY, OVERDUE).step is RecoveryStep.NOTHING
    assert decide_dead_letter(job, POLICY, OVERDUE).step is RecoveryStep.NOTHING


@given(
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(0, 4),
    st.sampled_from([JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.AWAITING_UPLOAD]),
)
def test_every_decision_ends_the_job_or_sets_a_later_due_time(
    attempt: int, requeues: int, dead_letters: int, status: JobStatus
) -> None:
    """Nothing that is overdue is forgotten."""
    job = replace(
        make_job(),
        status=status,
        attempt=attempt,
        requeues=requeues,
        dead_letters=dead_letters,
        lease_until=None,
        due_at=NOW,
    )
    decision = decide_overdue(job, POLICY, OVERDUE)
    assert decision.job.status.is_terminal or (decision.job.due_at is not None and decision.job.due_at > OVERDUE)


def test_default_bound_is_documented() -> None:
    """docs/reliability.md has T for the template's defaults."""
    defaults = parameter_defaults(load_template())
    policy = RecoveryPolicy(
        max_attempts=int(defaults["MaxReceiveCount"]),
        max_dead_letters=int(defaults["MaxDeadLetters"]),
        redispatch=timedelta(seconds=int(defaults["RedispatchSeconds"])),
        longest_redispatch=timedelta(seconds=int(defaults["LongestRedispatchSeconds"])),
    )
    bound = compute_longest_lifetime(
        policy,
        lease=timedelta(seconds=int(defaults["WorkerTimeout"])),
        visibility=timedelta(seconds=int(defaults["QueueVisibilityTimeout"])),
        receives=int(defaults["MaxReceiveCount"]),
        period=timedelta(minutes=1),
        margin=timedelta(minutes=1),
    )
    page = (Path(__file__).parents[3] / "docs" / "reliability.md").read_text("utf-8")
    assert f"**{bound.total_seconds() / 3600:.1f} hours**" in page
