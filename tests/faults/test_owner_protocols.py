"""What an owner or an operator does with a job: who may, in which state, and what a repetition changes.

On the doubles of AWS, through the real tables, stores and use cases.
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from faults.simulator.stage import MAX_ATTEMPTS, MILLISECOND, MINUTE, Stage
from support import events

import worker.dead_letters
from api.dead_letters.use_cases import MAX_REDRIVES, DeadLetters
from api.jobs import lifecycle as module
from api.jobs.lifecycle import JobLifecycle, get_own_job
from shared.errors import (
    JobFinished,
    JobNotFound,
    JobNotRetriable,
    RedrivenTooOften,
    ServiceUnavailable,
)
from shared.jobs.job import ANONYMOUS, Job, JobFailure, JobStatus
from shared.jobs.message import JobMessage

FAILURE = JobFailure(code="ATTEMPTS_EXHAUSTED", message="m", retriable=True)


@pytest.fixture
def jobs(stage: Stage) -> JobLifecycle:
    """Return what owners can do."""
    return JobLifecycle.of(stage.functions.dependencies)


@pytest.fixture
def letters(stage: Stage) -> DeadLetters:
    """Return what operators can do."""
    return DeadLetters.of(stage.functions.dependencies)


def fail(stage: Stage, **changes: Any) -> Job:
    """Store a job that has failed with a retryable error."""
    return stage.create(status=JobStatus.FAILED, error=FAILURE, due_at=None, **changes)


def count_messages(stage: Stage) -> int:
    """Return the number of messages about jobs."""
    return len(stage.world.queue.messages)


def test_a_job_belongs_to_its_owner(stage: Stage, jobs: JobLifecycle) -> None:
    """Everyone else gets 404 for everything, and nothing changes."""
    job = stage.create()
    now = stage.world.now
    with pytest.raises(JobNotFound):
        get_own_job(job.id, "bob", stage.jobs)
    for ask in (jobs.cancel, jobs.retry, jobs.delete):
        with pytest.raises(JobNotFound):
            ask(job.id, "bob", at=now)
    assert get_own_job(job.id.lower(), ANONYMOUS, stage.jobs) == job


def test_an_expired_job_can_not_be_changed(stage: Stage, jobs: JobLifecycle) -> None:
    """From the moment at which it expires, even if DynamoDB has not removed it."""
    now = stage.world.now
    for status in (JobStatus.PENDING, JobStatus.FAILED):
        job = stage.create(status=status, error=FAILURE, expires_at=now + MINUTE)
        act = jobs.cancel if status is JobStatus.PENDING else jobs.retry
        with pytest.raises(JobNotFound):
            act(job.id, ANONYMOUS, at=now + MINUTE)
        act(job.id, ANONYMOUS, at=now + MINUTE - MILLISECOND)


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED])
def test_only_open_jobs_are_cancelled(stage: Stage, jobs: JobLifecycle, status: JobStatus) -> None:
    """An ended job stays as it is, except for a repetition of the request that has cancelled it."""
    job = stage.create(status=status, due_at=None, outputs=(), error=FAILURE)
    with pytest.raises(JobFinished):
        jobs.cancel(job.id, ANONYMOUS, at=stage.world.now, is_repeat=True)
    assert stage.jobs.get(job.id) == job
    opened = stage.create()
    at = stage.world.now + MINUTE
    cancelled = jobs.cancel(opened.id, ANONYMOUS, at=at)
    assert jobs.cancel(opened.id, ANONYMOUS, at=at, is_repeat=True) == cancelled
    with pytest.raises(JobFinished):
        jobs.cancel(opened.id, ANONYMOUS, at=at)


def test_a_repeated_retry_starts_one_generation(stage: Stage, jobs: JobLifecycle) -> None:
    """It sends another message, because the first one may be missing. A new request is refused."""
    job, at = fail(stage), stage.world.now + MINUTE
    assert jobs.retry(job.id, ANONYMOUS, at=at).job.generation == 2
    again = jobs.retry(job.id, ANONYMOUS, at=at, is_repeat=True)
    assert (again.job.generation, again.send_error) == (2, None)
    assert count_messages(stage) == 2
    with pytest.raises(JobNotRetriable):
        jobs.retry(job.id, ANONYMOUS, at=at)


def test_a_conflict_is_decided_again(stage: Stage, jobs: JobLifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was claimed between reading and writing is cancelled all the same; one that was deleted is gone."""
    job = stage.create()
    real, meanwhile = stage.jobs.transition, [lambda: stage.claim(job)]

    def transition_late(seen: Job, new: Job) -> Job:
        while meanwhile:
            meanwhile.pop()()
        return real(seen, new)

    monkeypatch.setattr(stage.jobs, "transition", transition_late)
    cancelled = jobs.cancel(job.id, ANONYMOUS, at=stage.world.now)
    assert (cancelled.status, cancelled.attempt) == (JobStatus.CANCELLED, 1)
    assert stage.jobs.get(job.id) == cancelled
    other = stage.create()
    tombstone = other.delete(now=stage.world.now, due_at=stage.world.now)
    meanwhile.append(lambda: real(other, tombstone))
    with pytest.raises(JobNotFound):
        jobs.cancel(other.id, ANONYMOUS, at=stage.world.now)


def test_endless_conflicts_end_the_request(stage: Stage, jobs: JobLifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller can try again."""
    job, tries = stage.create(), []

    def refuse(seen: Job, _: Job) -> Job:
        tries.append(seen)
        return job

    monkeypatch.setattr(stage.jobs, "transition", refuse)
    with pytest.raises(ServiceUnavailable):
        jobs.cancel(job.id, ANONYMOUS, at=stage.world.now)
    assert len(tries) == module.MAX_TRIES


def test_a_repeated_deletion_finds_its_statement(stage: Stage, jobs: JobLifecycle) -> None:
    """Only its owner's, and only until it expires."""
    job, now = stage.create(), stage.world.now
    deletion = jobs.delete(job.id, ANONYMOUS, at=now)
    assert jobs.delete(job.id, ANONYMOUS, at=now + MINUTE) == deletion
    for owner, at in (("bob", now), (ANONYMOUS, deletion.expires_at)):
        with pytest.raises(JobNotFound):
            jobs.delete(job.id, owner, at=at)


def test_an_interrupted_deletion_keeps_its_time_and_generation(stage: Stage, jobs: JobLifecycle) -> None:
    """A repetition continues it."""
    job, now = stage.create(), stage.world.now
    tombstone = job.delete(now=now, due_at=now + MINUTE)
    assert stage.jobs.compare_and_swap(job, tombstone)
    assert jobs.delete(job.id, ANONYMOUS, at=now + MINUTE).deleted_at == now
    assert not stage.world.jobs


def test_only_dead_letters_are_redriven(stage: Stage, letters: DeadLetters) -> None:
    """Not a job that is open, that was cancelled or that failed with a permanent error."""
    permanent = replace(FAILURE, retriable=False)
    for changes in (
        {},
        {"status": JobStatus.CANCELLED, "error": FAILURE},
        {"status": JobStatus.FAILED, "error": permanent},
    ):
        job = stage.create(**changes)
        with pytest.raises(JobNotRetriable):
            letters.redrive(job.id, at=stage.world.now)
    assert count_messages(stage) == 0


def test_redrives_have_a_limit(stage: Stage, letters: DeadLetters) -> None:
    """An operator can force more. A repetition is not another redrive."""
    for redrives, is_refused in ((MAX_REDRIVES - 1, False), (MAX_REDRIVES, True)):
        job, at = fail(stage, redrives=redrives), stage.world.now + MINUTE
        if is_refused:
            with pytest.raises(RedrivenTooOften):
                letters.redrive(job.id, at=at)
        redriven = letters.redrive(job.id, at=at, force=is_refused).job
        assert (redriven.redrives, redriven.generation) == (redrives + 1, 2)
        assert letters.redrive(job.id, at=at, is_repeat=True).job == redriven
    assert count_messages(stage) == 2


def test_a_redrive_of_many_skips_what_has_changed(stage: Stage, letters: DeadLetters) -> None:
    """Refused jobs are listed, gone ones are skipped, and the others follow. It stops when its time is up."""
    old = fail(stage, redrives=MAX_REDRIVES)
    good = [fail(stage).id for _ in range(3)]
    at = stage.world.now + MINUTE
    early = letters.redrive_page(None, None, 10, at=at, until=stage.world.now)
    assert (early.jobs, early.next_position) == ((), None)
    page = letters.redrive_page(None, None, 10, at=at, until=at)
    assert sorted(page.jobs) == sorted(good)
    assert page.refusals == ((old.id, "REDRIVEN_TOO_OFTEN"),)
    assert {job.redrives for job in map(stage.jobs.get, good)} == {1}


def test_dead_letters_that_the_index_still_has_are_not_listed(
    stage: Stage, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index is eventually consistent. Redriven, retried and deleted jobs stay in it for a moment."""
    redriven, retried, deleted, kept = (fail(stage) for _ in range(4))
    at = stage.world.now
    entries = letters.index.page(None, "", 10)
    assert len(entries) == 4
    letters.redrive(redriven.id, at=at)
    letters.lifecycle.retry(retried.id, ANONYMOUS, at=at)
    assert stage.jobs.compare_and_swap(deleted, deleted.delete(now=at, due_at=at + MINUTE))
    monkeypatch.setattr(type(letters.index), "page", lambda *_: entries)
    for reason in (None, FAILURE.code):
        assert [job.id for job in letters.page(reason, None, 10).jobs] == [kept.id]
    page = letters.redrive_page(None, None, 10, at=at + MINUTE, until=at + MINUTE)
    assert page.jobs == (kept.id,)
    assert {job_id for job_id, _ in page.refusals} == {redriven.id, retried.id, deleted.id}
    assert count_messages(stage) == 3


def handle(stage: Stage, body: str) -> list[str]:
    """Handle one dead letter; return the messages that come back."""
    event = events.sqs(events.make_message(body), queue=stage.world.dead_letters.name)
    answer = worker.dead_letters.handler(event, stage.functions.make_context())
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_a_dead_letter_of_an_older_generation_changes_nothing(stage: Stage) -> None:
    """It is acknowledged. One of the current generation postpones the job, and the last one fails it."""
    job = stage.create(generation=2, attempt=MAX_ATTEMPTS, due_at=stage.world.now + MINUTE)
    assert handle(stage, JobMessage(job_id=job.id, generation=1).encode()) == []
    assert stage.jobs.get(job.id) == job
    assert handle(stage, JobMessage(job_id=job.id, generation=2).encode()) == []
    assert stage.jobs.get(job.id).status is JobStatus.FAILED


def test_an_unreadable_dead_letter_is_stored(stage: Stage) -> None:
    """With its body."""
    assert handle(stage, "nonsense") == []
    (stored,) = [value for key, value in stage.world.bucket.objects.items() if key.startswith("dead-letters/")]
    assert json.loads(stored.body)["body"] == "nonsense"


def test_a_job_that_changes_meanwhile_keeps_its_dead_letter(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes back and is decided again. So does one whose job is leased."""
    job = stage.create(due_at=stage.world.now + timedelta(minutes=5))
    postponed: list[timedelta] = []
    found = worker.dead_letters.get_dead_letters()
    monkeypatch.setattr(found.queue, "postpone", lambda _, delay: postponed.append(delay))
    message = JobMessage(job_id=job.id, generation=1).encode()
    with monkeypatch.context() as patch:
        patch.setattr(stage.jobs, "compare_and_swap", lambda *_: False)
        patch.setattr(found.jobs, "compare_and_swap", lambda *_: False)
        assert len(handle(stage, message)) == 1
    claimed = stage.claim(job)
    assert isinstance(claimed, Job)
    assert claimed.lease_until is not None
    assert len(handle(stage, message)) == 1
    assert postponed == [worker.dead_letters.RETRY_DELAY, claimed.lease_until - stage.world.now]
    assert stage.jobs.get(job.id) == claimed
