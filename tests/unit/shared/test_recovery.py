"""What becomes of a job that does not move by itself."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_jobs import NOW, new_job, processing_job

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


def test_waiting_job_gets_another_message_and_a_later_due_time() -> None:
    """A PENDING job without news is sent again; the distance doubles up to its limit."""
    job, distances = new_job(), []
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


def test_job_that_only_waits_never_fails() -> None:
    """However long the queue is, a job that nobody has attempted is not given up."""
    job = replace(new_job(), requeues=1000)
    assert decide_overdue(job, POLICY, OVERDUE).step is RecoveryStep.SEND


def test_job_that_is_not_due_is_left_alone() -> None:
    """The index may show a job that has moved since."""
    assert decide_overdue(new_job(), POLICY, NOW).step is RecoveryStep.NOTHING


def test_held_lease_is_left_alone() -> None:
    """A worker that still has time is not disturbed."""
    job = replace(processing_job(), attempt=1, lease_until=OVERDUE, due_at=NOW)
    assert decide_overdue(job, POLICY, OVERDUE).step is RecoveryStep.NOTHING
    assert decide_dead_letter(job, POLICY, OVERDUE).step is RecoveryStep.NOTHING


def test_lost_worker_is_replaced_until_the_attempts_are_used_up() -> None:
    """An expired lease means another message; after the last attempt the job fails and says so."""
    lost = replace(processing_job(), attempt=4, lease_until=NOW, due_at=NOW)
    assert decide_overdue(lost, POLICY, OVERDUE).step is RecoveryStep.SEND
    last = decide_overdue(replace(lost, attempt=5), POLICY, OVERDUE)
    assert (last.step, last.job.status) == (RecoveryStep.END, JobStatus.FAILED)
    assert last.job.error is not None
    assert last.job.error.code == "ATTEMPTS_EXHAUSTED"


def test_attempt_that_a_service_failed_does_not_count() -> None:
    """A released job has as many attempts left as before, though its number has grown."""
    running = replace(processing_job(), attempt=5, uncounted=2, lease_until=OVERDUE)
    released = running.release(ServiceUnavailable(), now=NOW, due_at=NOW)
    assert (released.status, released.attempt, released.attempts_used) == (JobStatus.PENDING, 5, 2)
    assert released.history[-1].code == "SERVICE_UNAVAILABLE"
    assert decide_overdue(released, POLICY, OVERDUE).step is RecoveryStep.SEND


def test_upload_that_never_came_expires() -> None:
    """Nobody waits for bytes for ever."""
    job = replace(new_job(), status=JobStatus.AWAITING_UPLOAD)
    decision = decide_overdue(job, POLICY, OVERDUE)
    assert (decision.step, decision.job.status) == (RecoveryStep.END, JobStatus.EXPIRED)


@pytest.mark.parametrize("attempt", range(5))
def test_dead_letters_alone_do_not_fail_a_job_that_has_attempts_left(attempt: int) -> None:
    """However many messages die, and how fast, the job goes on until its give_up_after is over; then it fails."""
    job = replace(new_job(), attempt=attempt)
    for count in range(1, 41):
        decision = decide_dead_letter(job, POLICY, NOW + POLICY.give_up_after - timedelta(milliseconds=1))
        assert (decision.step, decision.job.dead_letters) == (RecoveryStep.WAIT, count)
        job = decision.job
    assert decide_dead_letter(job, POLICY, NOW + POLICY.give_up_after).step is RecoveryStep.END


def test_few_dead_letters_do_not_fail_a_job_however_old_it_is() -> None:
    """A job that has waited for days in a backlog has its messages still to come."""
    job, late, steps = new_job(), NOW + timedelta(days=3), []
    for _ in range(3):
        decision = decide_dead_letter(job, POLICY, late)
        steps.append(decision.step)
        job = decision.job
    assert steps == [RecoveryStep.WAIT, RecoveryStep.WAIT, RecoveryStep.END]
    assert job.error is not None
    assert job.error.code == "ATTEMPTS_EXHAUSTED"


def test_patience_begins_anew_with_a_retry() -> None:
    """An old job that is retried is as patient as a new one."""
    old = replace(new_job(), status=JobStatus.FAILED)
    later = NOW + timedelta(days=3)
    job = replace(old.retry(now=later, due_after=timedelta(minutes=15)), dead_letters=9)
    assert decide_dead_letter(job, POLICY, later + timedelta(hours=5)).step is RecoveryStep.WAIT
    assert decide_dead_letter(job, POLICY, later + timedelta(hours=6)).step is RecoveryStep.END


def test_job_whose_messages_died_may_wait_in_a_backlog() -> None:
    """The reconciler fails no job for dead letters: its present message may only be waiting its turn."""
    job = replace(new_job(), dead_letters=9)
    assert decide_overdue(job, POLICY, NOW + timedelta(days=3)).step is RecoveryStep.SEND


@pytest.mark.parametrize("status", list(JobStatus))
def test_deletion_that_died_half_way_is_finished(status: JobStatus) -> None:
    """A tombstone is erased when it is due, in whatever state the job was, and ever later if that fails."""
    tombstone = replace(new_job(), status=status, requeues=7).delete(now=NOW, due_at=OVERDUE)
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
def test_ended_job_stays_ended(status: JobStatus) -> None:
    """Recovery moves nothing that is terminal."""
    job = replace(new_job(), status=status)
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
        new_job(),
        status=status,
        attempt=attempt,
        requeues=requeues,
        dead_letters=dead_letters,
        lease_until=None,
        due_at=NOW,
    )
    decision = decide_overdue(job, POLICY, OVERDUE)
    assert decision.job.status.is_terminal or (decision.job.due_at is not None and decision.job.due_at > OVERDUE)


def test_the_bound_of_the_defaults_is_the_documented_one() -> None:
    """docs/reliability.md states T for the template's defaults."""
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
