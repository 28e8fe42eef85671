"""Claims, transitions and the reconciler: what each write compares, and how far a run goes.

On the doubles of AWS, through the real tables, stores and functions.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from faults.simulator.faults import Fault, Send
from faults.simulator.stage import LEASE, MAX_ATTEMPTS, MILLISECOND, MINUTE, Stage

import worker.reconciler
from shared.aws.dynamodb.job_item import OPEN_SHARDS, open_shard
from shared.aws.dynamodb.job_table import ClaimRefusal, RefusalReason
from shared.errors import JobNotFound, ServiceError, ServiceUnavailable
from shared.jobs.job import Job, JobFailure


def reason(claim: Job | ClaimRefusal) -> RefusalReason | None:
    """Return why a claim was refused."""
    return claim.reason if isinstance(claim, ClaimRefusal) else None


def test_only_messages_of_the_job_s_own_generation_claim_it(stage: Stage) -> None:
    """Neither those of an older generation nor those of a newer one."""
    job = stage.create(generation=2)
    assert reason(stage.claim(job, generation=1)) is RefusalReason.STALE
    assert reason(stage.claim(job, generation=3)) is RefusalReason.STALE
    assert isinstance(stage.claim(job, generation=2), Job)


def test_a_lease_is_held_for_its_last_millisecond(stage: Stage) -> None:
    """The job is free one millisecond later, for the claim, the reconciler and dead letters alike."""
    job = stage.create()
    claimed = stage.claim(job)
    assert isinstance(claimed, Job)
    end = claimed.lease_until
    assert end is not None
    assert claimed.is_leased(end)
    assert reason(stage.claim(job, at=end)) is RefusalReason.LEASED
    assert not claimed.is_leased(end + MILLISECOND)
    assert isinstance(stage.claim(job, at=end + MILLISECOND), Job)


def test_a_job_is_claimed_at_most_as_often_as_it_has_attempts(stage: Stage) -> None:
    """Each claim whose worker vanishes counts. The next one is refused, whatever the message."""
    job = stage.create()
    at = stage.world.now
    for attempt in range(1, MAX_ATTEMPTS + 1):
        claimed = stage.claim(job, at=at)
        assert isinstance(claimed, Job)
        assert (claimed.attempt, claimed.attempts_used) == (attempt, attempt)
        at += LEASE + MILLISECOND
    assert reason(stage.claim(job, at=at)) is RefusalReason.EXHAUSTED


def test_released_attempts_do_not_use_up_the_job(stage: Stage) -> None:
    """A service error is not counted in the record either, so that the job can be claimed again and again."""
    job = stage.create()
    for _ in range(MAX_ATTEMPTS * 2):
        claimed = stage.claim(job)
        assert isinstance(claimed, Job)
        assert stage.jobs.commit(claimed.release(ServiceUnavailable(), now=stage.world.now, due_at=stage.world.now))


def test_a_retry_starts_with_all_attempts(stage: Stage) -> None:
    """The record counts attempts of the new generation only."""
    job = stage.create()
    for number in range(MAX_ATTEMPTS):
        claimed = stage.claim(job, at=stage.world.now + number * 2 * LEASE)
        assert isinstance(claimed, Job)
    assert isinstance(claimed, Job)
    failed = claimed.fail(JobFailure.of(ServiceUnavailable()), now=stage.world.now)
    assert stage.jobs.commit(failed)
    again = failed.retry(now=stage.world.now, due_after=MINUTE)
    assert stage.jobs.compare_and_swap(failed, again)
    claimed = stage.claim(job, generation=2)
    assert isinstance(claimed, Job)
    assert (claimed.attempt, claimed.attempts_used) == (MAX_ATTEMPTS + 1, 1)


@pytest.mark.parametrize("dead_letters", [0, 1])
def test_two_dead_letters_of_one_reading_count_once(stage: Stage, dead_letters: int) -> None:
    """Even if the due time does not change: the second must read the job again."""
    job = stage.create(dead_letters=dead_letters)
    due = job.due_at
    assert due is not None
    first = job.record_dead_letter(now=stage.world.now, due_at=due)
    second = job.record_dead_letter(now=stage.world.now + MINUTE, due_at=due)
    assert stage.jobs.compare_and_swap(job, first)
    assert not stage.jobs.compare_and_swap(job, second)
    assert stage.jobs.get(job.id).dead_letters == dead_letters + 1


def test_a_transition_compares_what_was_read(stage: Stage) -> None:
    """Status, attempt, generation and due time."""
    job = stage.create()
    now, later = stage.world.now, stage.world.now + MINUTE
    changes = (
        job.requeue(now=now, due_at=later),
        job.cancel(now=now),
        replace(job, attempt=1),
        replace(job, generation=2),
    )
    for number, change in enumerate(changes):
        stage.world.tables.tables["JobTable"].items.clear()
        stage.world.watch.ever.clear()
        stage.jobs.create(change)
        assert not stage.jobs.compare_and_swap(job, job.requeue(now=later, due_at=later + MINUTE)), number
        assert stage.jobs.get(job.id) == change


def test_a_commit_compares_attempt_generation_and_status(stage: Stage) -> None:
    """An end of another attempt, of an earlier generation or of a cancelled job changes nothing."""
    job = stage.create()
    claimed = stage.claim(job)
    assert isinstance(claimed, Job)
    for changed in (
        replace(claimed, attempt=2),
        replace(claimed, generation=2),
        claimed.cancel(now=stage.world.now),
    ):
        stage.world.tables.tables["JobTable"].items.clear()
        stage.world.watch.ever.clear()
        stage.jobs.create(changed)
        assert not stage.jobs.commit(claimed.fail(JobFailure.of(ServiceUnavailable()), now=stage.world.now + MINUTE))
        assert stage.jobs.get(job.id) == changed


@pytest.fixture
def sent_twice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first response to each request be lost."""
    stage.send_twice(monkeypatch)


@pytest.mark.usefixtures("sent_twice")
def test_writes_whose_response_was_lost_have_succeeded(stage: Stage) -> None:
    """Each finds its own values in the record: creation, claim, transition and commit."""
    job = stage.create()
    again = job.requeue(now=stage.world.now, due_at=stage.world.now + MINUTE)
    assert stage.jobs.transition(job, again) is again
    claimed = stage.claim(job)
    assert isinstance(claimed, Job)
    assert claimed.attempt == 1
    assert stage.jobs.commit(claimed.fail(JobFailure.of(ServiceUnavailable()), now=stage.world.now))


def test_a_refused_write_has_not_succeeded(stage: Stage) -> None:
    """A commit and a transition return what another write has stored."""
    job = stage.create()
    claimed = stage.claim(job)
    assert isinstance(claimed, Job)
    cancelled = claimed.cancel(now=stage.world.now)
    assert stage.jobs.transition(claimed, cancelled) is cancelled
    assert not stage.jobs.commit(claimed.fail(JobFailure.of(ServiceUnavailable()), now=stage.world.now))
    other = claimed.requeue(now=stage.world.now + MINUTE, due_at=stage.world.now + MINUTE)
    assert stage.jobs.transition(claimed, other) == cancelled


def test_an_id_belongs_to_one_job(stage: Stage) -> None:
    """A repeated creation returns the stored job. Another job with the same ID is refused, not taken for it."""
    job = stage.create()
    assert stage.jobs.create(job) == job
    stage.world.watch.ever.clear()
    with pytest.raises(ServiceError):
        stage.jobs.create(replace(job, uploaded_at=job.uploaded_at + MINUTE))
    assert stage.jobs.get(job.id) == job


def test_only_tombstones_are_hidden_and_deleted(stage: Stage) -> None:
    """A request that was repeated after a deletion may have created the job again."""
    job = stage.create()
    stage.jobs.delete_tombstone(job.id)
    assert stage.jobs.get(job.id) == job
    tombstone = job.delete(now=stage.world.now, due_at=stage.world.now)
    assert stage.jobs.compare_and_swap(job, tombstone)
    with pytest.raises(JobNotFound):
        stage.jobs.get(job.id)
    assert stage.jobs.get(job.id, deleted=True) == tombstone
    assert reason(stage.claim(job, generation=2)) is RefusalReason.GONE
    stage.jobs.delete_tombstone(job.id)
    with pytest.raises(JobNotFound):
        stage.jobs.get(job.id, deleted=True)


def test_the_reconciler_finishes_deletions(stage: Stage) -> None:
    """Objects first, then the tombstone."""
    job = stage.create()
    assert stage.jobs.compare_and_swap(job, job.delete(now=stage.world.now, due_at=stage.world.now))
    stage.world.pass_time(MINUTE)
    assert stage.reconcile() == {"erase": 1}
    assert not stage.world.jobs
    assert not stage.world.bucket.objects


def test_the_reconciler_reads_all_pages_of_all_shards(stage: Stage) -> None:
    """A run requeues many more jobs than fit on a page."""
    jobs = [stage.create() for _ in range(1_300)]
    stage.world.pass_time(MINUTE)
    assert stage.reconcile() == {"send": len(jobs)}
    assert len(stage.world.queue.messages) == len(jobs)


def test_the_reconciler_takes_the_shards_in_turn(stage: Stage) -> None:
    """Jobs of a long shard do not delay those of the others."""
    for _ in range(80):
        stage.create()
    stage.world.pass_time(MINUTE)
    overdue = list(worker.reconciler.get_reconciler().open_jobs.list_overdue(stage.world.now))
    assert len(set(overdue)) == 80
    assert {open_shard(job_id) for job_id in overdue[:OPEN_SHARDS]} == {open_shard(job_id) for job_id in overdue}


@pytest.mark.parametrize("faulty", [1, 60])
def test_a_fault_at_one_job_does_not_stop_the_reconciler(stage: Stage, faulty: int) -> None:
    """The others are recovered in the same run."""
    jobs = [stage.create() for _ in range(120)]
    bad = {job.id for job in jobs[:: 120 // faulty]}
    stage.world.pass_time(MINUTE)

    def plan(send: Send) -> Fault | None:
        is_bad = send.operation == "GetItem" and send.request["Key"].get("ID", {}).get("S") in bad
        return Fault.ERROR if is_bad else None

    stage.world.plan = plan
    assert stage.reconcile() == {"send": 120 - faulty, "fault": faulty}


def test_faults_of_all_jobs_stop_the_reconciler(stage: Stage) -> None:
    """A service is at fault; the next run continues."""
    for _ in range(60):
        stage.create()
    stage.world.pass_time(MINUTE)
    stage.world.plan = lambda send: Fault.ERROR if send.operation == "GetItem" else None
    assert stage.reconcile() == {"fault": 50}


def test_the_reconciler_stops_in_time(stage: Stage) -> None:
    """It handles no more jobs if less than ten seconds are left."""
    for _ in range(30):
        stage.create()
    stage.world.pass_time(MINUTE)
    stage.world.plan = lambda send: Fault.SLOW if send.operation == "Query" else None
    actor = stage.platform.run_reconciler()
    actor.deadline = stage.world.now + timedelta(seconds=105)
    assert stage.run(actor) == {}
