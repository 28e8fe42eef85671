"""The job's state machine on the table: any order of claims, ends, releases, requeues and dead letters.

A small model says what ``JobTable`` guarantees; Hypothesis searches for an order in which they differ.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from faults.simulator.null_observer import NullObserver
from faults.simulator.settings import BUCKET, Blueprint
from faults.simulator.tables import Tables, from_template
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule
from support import sample_jobs

from shared.aws.clients import make_clients
from shared.aws.dynamodb.job_table import ClaimRefusal, JobTable
from shared.errors import CorruptImage, ServiceUnavailable
from shared.jobs.job import Job, JobFailure, JobStatus, ProcessedImage
from shared.jobs.message import JobMessage
from shared.jobs.recovery import RecoveryPolicy, RecoveryStep, decide_dead_letter, decide_overdue

LEASE = timedelta(seconds=60)
POLICY = RecoveryPolicy(
    max_attempts=5, max_dead_letters=3, redispatch=timedelta(minutes=15), longest_redispatch=timedelta(hours=2)
)


@cache
def client() -> Any:
    """Return one client for all examples, because clients are slow to create."""
    return make_clients(5).dynamodb


@cache
def schema() -> Any:
    """Read the template once for all examples."""
    return Blueprint.read().tables()["JobTable"]


@dataclass(frozen=True)
class Expected:
    """What the record must say."""

    status: JobStatus = JobStatus.PENDING
    attempt: int = 0
    generation: int = 1


class JobMachine(RuleBasedStateMachine):
    """One job and everyone who can write to it."""

    #: Jobs as workers hold them, current or overtaken.
    attempts = Bundle("attempts")
    #: Jobs as a recovery function has read them, current or stale.
    readings = Bundle("readings")

    def __init__(self) -> None:
        """Create the job."""
        super().__init__()
        self.tables = Tables({"JobTable": from_template(schema())}, NullObserver())
        self.sends = 1
        client()._make_api_call = self.call
        self.table = JobTable(client(), "JobTable", batch_table="BatchTable", bucket=BUCKET, listing_shards=4)
        self.now = sample_jobs.NOW
        self.job = sample_jobs.make_job()
        self.table.create(self.job)
        self.expected = Expected()
        self.ended = 0

    def call(self, operation: str, request: dict[str, Any]) -> Any:
        """Send a request as often as botocore would; return the last response."""
        for _ in range(self.sends - 1):
            try:
                self.tables.call(operation, request)
            except Exception as error:  # noqa: BLE001 - nobody heard it
                assert "ConditionalCheckFailed" in str(error)  # noqa: PT017
        return self.tables.call(operation, request)

    @property
    def stored(self) -> Job:
        """Return the stored job."""
        return self.table.get(self.job.id)

    @property
    def is_free(self) -> bool:
        """Return True if a claim must succeed now."""
        lease = self.stored.lease_until
        if self.expected.status is JobStatus.PROCESSING:
            return lease is not None and lease < self.now
        return self.expected.status is JobStatus.PENDING

    @rule(seconds=st.sampled_from([0, 1, 59, 60, 61, 1000, 10_000]))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    @rule(times=st.integers(1, 3))
    def lose_answers(self, times: int) -> None:
        """From now on, send each request this often, as botocore does after lost responses."""
        self.sends = times

    @rule(target=attempts, skew=st.sampled_from([0, 0, 0, -600, 600]), generation=st.sampled_from([1, 1, 1, 2]))
    def claim(self, skew: int, generation: int) -> Any:
        """Claim with a clock that may be wrong and a message that may be of another generation."""
        now, self.now = self.now, self.now + timedelta(seconds=skew)
        has_attempts = self.stored.attempts_used < POLICY.max_attempts
        is_ours = self.is_free and generation == self.expected.generation and has_attempts
        claimed = self.table.claim(
            JobMessage(job_id=self.job.id, generation=generation),
            now=self.now,
            lease=LEASE,
            max_attempts=POLICY.max_attempts,
        )
        self.now = now
        assert isinstance(claimed, ClaimRefusal) is not is_ours
        if isinstance(claimed, ClaimRefusal):
            return multiple()
        self.expected = replace(self.expected, status=JobStatus.PROCESSING, attempt=self.expected.attempt + 1)
        assert claimed.attempt == self.expected.attempt
        return claimed

    @rule(held=attempts)
    def complete(self, held: Job) -> None:
        """Commit a result; only the newest attempt may, and only once."""
        facts = ProcessedImage(
            name="image",
            key=f"processed/{held.id}/{held.attempt}/image.png",
            size=1,
            width=1,
            height=1,
            format="PNG",
            media_type="image/png",
            digest="00",
        )
        self.commit(held, held.complete(raw=held.raw, outputs=(facts,), warnings=(), now=self.now))

    @rule(held=attempts)
    def fail(self, held: Job) -> None:
        """Commit a failure."""
        self.commit(held, held.fail(JobFailure.of(CorruptImage()), now=self.now))

    @rule(held=attempts)
    def release(self, held: Job) -> None:
        """Release the job."""
        self.commit(held, held.release(ServiceUnavailable(), now=self.now, due_at=self.now + LEASE))

    def commit(self, held: Job, new: Job) -> None:
        """Write the end of an attempt and check which one wins."""
        expected = self.expected
        wins = expected.status is JobStatus.PROCESSING and expected.attempt == held.attempt
        before = self.stored
        done = self.table.commit(new)
        # An equal end that is already stored counts as ours: its response may have been lost.
        again = (before.status, before.attempt, before.timestamp) == (new.status, new.attempt, new.timestamp)
        assert done is (wins or again)
        if wins:
            self.expected = replace(expected, status=new.status)
            self.ended += new.status.is_terminal
        else:
            assert self.stored == before

    @rule(target=readings)
    def read(self) -> Job:
        """Let a recovery function read the job; it may act on that much later."""
        return self.stored

    @rule(seen=readings)
    def requeue(self, seen: Job) -> None:
        """Let the reconciler act on what it read."""
        self.recover(seen, decide_overdue(seen, POLICY, self.now).step, decide_overdue(seen, POLICY, self.now).job)

    @rule(seen=readings)
    def record_dead_letter(self, seen: Job) -> None:
        """Let the dead-letter function act on what it read."""
        self.recover(
            seen, decide_dead_letter(seen, POLICY, self.now).step, decide_dead_letter(seen, POLICY, self.now).job
        )

    def recover(self, seen: Job, step: RecoveryStep, new: Job) -> None:
        """Write a decision; it must lose if the job has changed since it was read.

        If the same change of the same time is already stored, it may be this one, sent by a call whose response was
        lost. It counts as done and changes nothing.
        """
        if step is RecoveryStep.NOTHING:
            return
        before = self.stored
        done = self.table.compare_and_swap(seen, new)
        assert done is (before == seen or new.history[-1] in before.history)
        if before == seen:
            self.expected = replace(self.expected, status=new.status)
            self.ended += new.status.is_terminal
        assert self.stored == (new if before == seen else before)

    @precondition(lambda self: self.expected.status.is_terminal)
    @rule()
    def rest(self) -> None:
        """Check that a finished job waits for nothing."""
        assert (self.stored.lease_until, self.stored.due_at) == (None, None)

    @invariant()
    def record_is_as_expected(self) -> None:
        """Check that the record matches the model and that the job ended at most once."""
        stored = self.stored
        assert (stored.status, stored.attempt, stored.generation) == (
            self.expected.status,
            self.expected.attempt,
            self.expected.generation,
        )
        assert self.ended <= 1
        assert stored.attempts_used <= POLICY.max_attempts
        item = self.tables.tables["JobTable"].items[self.job.id]
        assert ("OpenShard" in item) is ("DueAt" in item) is (not stored.status.is_terminal)


TestJobMachine = JobMachine.TestCase
#: Orders with and without ``--thorough``.
EXAMPLES = {True: 300, False: 100}


@pytest.fixture(autouse=True)
def examples(request: pytest.FixtureRequest) -> None:
    """Set the number of orders."""
    number = EXAMPLES[request.config.getoption("--thorough")]
    TestJobMachine.settings = settings(max_examples=number, stateful_step_count=25, deadline=None)
