"""Decisions about overdue jobs and dead letters, without I/O.

The job record is authoritative, so recovery usually sends the job's message again. A job fails when its attempts are
used up. A message that becomes a dead letter before an attempt starts uses up no attempt. If all messages of a job
become dead letters, the job fails after ``RecoveryPolicy.give_up_after``, so its lifetime is bounded.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import AttemptsExhausted, UploadExpired
from shared.jobs.job import Job, JobFailure, JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPolicy:
    """The limits of recovery."""

    #: Attempts of one generation that may end without a result, without uncounted ones.
    max_attempts: int
    #: Messages of one generation that may become dead letters.
    max_dead_letters: int
    #: First interval between two messages for a job.
    redispatch: timedelta
    #: How long a multipart upload can be resumed.
    multipart_lifetime: timedelta = timedelta(0)
    #: Longest interval. The interval doubles up to this value, so that a long backlog does not cause many duplicates.
    longest_redispatch: timedelta

    def next_due(self, job: Job, now: datetime) -> datetime:
        """Return when a job is due again if its message is sent at ``now``."""
        doublings = min(job.requeues + job.dead_letters, 16)
        return now + min(self.redispatch * (1 << doublings), self.longest_redispatch)

    @property
    def give_up_after(self) -> timedelta:
        """Return the minimum age of a generation that fails because its messages become dead letters.

        A generation that has used all its attempts can fail earlier.
        """
        return self.longest_redispatch * self.max_dead_letters

    def is_exhausted(self, job: Job) -> bool:
        """Return True if a job has no attempts left."""
        return job.attempts_used >= self.max_attempts

    def should_give_up(self, job: Job, now: datetime) -> bool:
        """Return True if the job has the maximum number of dead letters and its generation is old enough to fail."""
        return job.dead_letters >= self.max_dead_letters and now - job.generation_started_at >= self.give_up_after


class RecoveryStep(StrEnum):
    """What to do with a job."""

    NOTHING = "nothing"
    #: Write the job with its new due time, then send its message.
    SEND = "send"
    #: Write the job with its new due time, at which the reconciler sends its message.
    WAIT = "wait"
    #: Write the job as ended.
    END = "end"
    #: Write the tombstone with its new due time, then delete the job's objects and finally the tombstone.
    ERASE = "erase"


@dataclass(frozen=True, slots=True)
class Decision:
    """A step, and the job after it."""

    step: RecoveryStep
    job: Job


def decide_overdue(job: Job, policy: RecoveryPolicy, now: datetime, *, uploaded: int | None = None) -> Decision:
    """Decide what to do with an overdue job or tombstone.

    ``uploaded`` is the size in bytes of the awaited upload, or None if it is not in the bucket. The upload can be in
    the bucket although the job still awaits it, because S3's notification may have been lost.
    """
    if not job.is_unfinished or job.due_at is None or job.due_at > now or job.is_leased(now):
        return Decision(RecoveryStep.NOTHING, job)
    if job.deleted_at is not None:
        return Decision(RecoveryStep.ERASE, job.requeue(now=now, due_at=policy.next_due(job, now)))
    if job.status is JobStatus.AWAITING_UPLOAD:
        return _decide_awaited(job, policy, now, uploaded)
    if policy.is_exhausted(job):
        return Decision(RecoveryStep.END, job.fail(JobFailure.of(AttemptsExhausted()), now=now))
    return Decision(RecoveryStep.SEND, job.requeue(now=now, due_at=policy.next_due(job, now)))


def _decide_awaited(job: Job, policy: RecoveryPolicy, now: datetime, uploaded: int | None) -> Decision:
    """Decide what to do with an overdue job that awaits its upload, see :func:`decide_overdue`."""
    if uploaded is not None:
        return Decision(RecoveryStep.SEND, job.confirm_upload(size=uploaded, now=now, due_at=policy.next_due(job, now)))
    end = job.uploaded_at + policy.multipart_lifetime
    if job.is_multipart and now < end:
        # The caller may continue the upload later. Check again until then, because S3's notification may be lost.
        return Decision(RecoveryStep.WAIT, job.requeue(now=now, due_at=min(policy.next_due(job, now), end)))
    return Decision(RecoveryStep.END, job.expire(JobFailure.of(UploadExpired()), now=now))


def decide_dead_letter(job: Job, policy: RecoveryPolicy, now: datetime) -> Decision:
    """Decide what to do with a job whose message became a dead letter.

    If the worker crashes in every attempt, the job has no attempts left and fails. An outage or an invocation with too
    little time uses up no attempt. The job then has attempts left and gets another message later.
    """
    if job.status.is_terminal or job.is_leased(now):
        return Decision(RecoveryStep.NOTHING, job)
    if job.status is JobStatus.AWAITING_UPLOAD:
        # The dead letter is S3's notification. The reconciler checks for the upload when the job is due.
        return Decision(RecoveryStep.NOTHING, job)
    due_at = policy.next_due(job, now)
    dead = job.record_dead_letter(now=now, due_at=due_at)
    if policy.is_exhausted(dead) or policy.should_give_up(dead, now):
        return Decision(RecoveryStep.END, dead.fail(JobFailure.of(AttemptsExhausted()), now=now))
    return Decision(RecoveryStep.WAIT, dead)


def compute_longest_lifetime(  # noqa: PLR0913 - the bound follows from all of these
    policy: RecoveryPolicy,
    *,
    lease: timedelta,
    visibility: timedelta,
    receives: int,
    period: timedelta,
    margin: timedelta,
) -> timedelta:
    """Return the bound T on the time from acceptance to the end of a job, without queue backlog.

    ``period`` is the interval between two runs of the reconciler. ``margin`` is the time from the end of a lease until
    the job is due.

    Even after crashes, the time between two messages for a job is at most the longest interval plus one period. A
    received message becomes a dead letter after ``receives`` visibility timeouts. An attempt that crashes ends with its
    lease, and the reconciler finds its job after ``margin`` plus one period. After ``max_dead_letters`` messages, the
    generation is old enough to fail, so the next dead letter ends the job. A job ends with its last attempt or with
    that dead letter, whichever comes first. In the worst case, the job uses up its attempts and then its messages.
    """
    message = visibility * receives + policy.longest_redispatch + period
    attempt = lease + margin + period
    return message * (policy.max_dead_letters + 1) + attempt * policy.max_attempts + policy.longest_redispatch + period
