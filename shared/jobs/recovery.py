"""What becomes of a job that does not move by itself: decisions, without any reading or writing.

The record is the truth and a message only a hint, so recovery is mostly one more hint. A job fails when its
attempts are used up. A delivery that never became an attempt costs none, so a job whose messages die untried goes on
for ``Policy.give_up_after``, and fails only after that: without an end there would be no bound.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import AttemptsExhausted, UploadExpired
from shared.jobs.job import Job, JobFailure, JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPolicy:
    """How patient recovery is."""

    #: Attempts of one generation that may end without a result, services' faults not counted.
    max_attempts: int
    #: Messages of one generation that may use up their receives, however fast they do.
    max_dead_letters: int
    #: First distance between two messages for the same job.
    redispatch: timedelta
    #: The distance doubles up to here: a long backlog must not turn into a flood of duplicates.
    longest_redispatch: timedelta

    def next_due(self, job: Job, now: datetime) -> datetime:
        """Return when to look at a job again that gets another message now."""
        doublings = min(job.requeues + job.dead_letters, 16)
        return now + min(self.redispatch * (1 << doublings), self.longest_redispatch)

    @property
    def give_up_after(self) -> timedelta:
        """Return for how long a generation is tried whose messages die though it has attempts left."""
        return self.longest_redispatch * self.max_dead_letters

    def is_exhausted(self, job: Job) -> bool:
        """Tell whether a job has had all its attempts."""
        return job.attempts_used >= self.max_attempts

    def should_give_up(self, job: Job, now: datetime) -> bool:
        """Tell whether the messages of a job have died often enough, for long enough."""
        return job.dead_letters >= self.max_dead_letters and now - job.generation_started_at >= self.give_up_after


class RecoveryStep(StrEnum):
    """What recovery does with a job."""

    NOTHING = "nothing"
    #: Write the job with its new due time, then send a message.
    SEND = "send"
    #: Write the job with its new due time; the reconciler sends the message then.
    WAIT = "wait"
    #: Write the job as ended.
    END = "end"
    #: Write the tombstone with its new due time, then remove what is left of the job, the record last.
    ERASE = "erase"


@dataclass(frozen=True, slots=True)
class Decision:
    """A step, and the job as it is after it."""

    step: RecoveryStep
    job: Job


def decide_overdue(job: Job, policy: RecoveryPolicy, now: datetime, *, uploaded: int | None = None) -> Decision:
    """Decide about a job that the reconciler has found overdue, or about the tombstone of one.

    ``uploaded`` are the bytes of an awaited upload that are in the bucket after all, None for none: S3's word of
    them may have been lost like any other message.
    """
    if not job.is_unfinished or job.due_at is None or job.due_at > now or job.is_leased(now):
        return Decision(RecoveryStep.NOTHING, job)
    if job.deleted_at is not None:
        return Decision(RecoveryStep.ERASE, job.requeue(now=now, due_at=policy.next_due(job, now)))
    if job.status is JobStatus.AWAITING_UPLOAD:
        if uploaded is None:
            return Decision(RecoveryStep.END, job.expire(JobFailure.of(UploadExpired()), now=now))
        return Decision(RecoveryStep.SEND, job.confirm_upload(size=uploaded, now=now, due_at=policy.next_due(job, now)))
    if policy.is_exhausted(job):
        return Decision(RecoveryStep.END, job.fail(JobFailure.of(AttemptsExhausted()), now=now))
    return Decision(RecoveryStep.SEND, job.requeue(now=now, due_at=policy.next_due(job, now)))


def decide_dead_letter(job: Job, policy: RecoveryPolicy, now: datetime) -> Decision:
    """Decide about a job whose message has used up its receives.

    A worker that dies in every attempt uses the attempts up. An outage does not, nor do deliveries that had too
    little time: their messages die while the job has attempts left, and it gets another one later.
    """
    if job.status.is_terminal or job.is_leased(now):
        return Decision(RecoveryStep.NOTHING, job)
    if job.status is JobStatus.AWAITING_UPLOAD:
        # The dead letter is S3's word that the bytes had come; the reconciler looks for them when the job is due.
        return Decision(RecoveryStep.NOTHING, job)
    due_at = policy.next_due(job, now)
    buried = job.record_dead_letter(now=now, due_at=due_at)
    if policy.is_exhausted(buried) or policy.should_give_up(buried, now):
        return Decision(RecoveryStep.END, buried.fail(JobFailure.of(AttemptsExhausted()), now=now))
    return Decision(RecoveryStep.WAIT, buried)


def compute_longest_lifetime(  # noqa: PLR0913 - the bound follows from all of these
    policy: RecoveryPolicy,
    *,
    lease: timedelta,
    visibility: timedelta,
    receives: int,
    period: timedelta,
    margin: timedelta,
) -> timedelta:
    """Return the bound T: from acceptance to the end of any job, whatever dies, without the queue's backlog.

    Between two messages for a job lies at most the longest distance and one period of the reconciler. A message
    that is received is dead after ``receives`` visibility timeouts; an attempt that dies is over with its lease
    and is found ``margin`` and a period later. By the time that ``max_dead_letters`` messages may take, a job's
    give_up_after is over, and the next one that dies ends it. A job ends with its last attempt or with that message,
    whichever is first, and the worst that can be is that both are spent one after the other.
    """
    message = visibility * receives + policy.longest_redispatch + period
    attempt = lease + margin + period
    return message * (policy.max_dead_letters + 1) + attempt * policy.max_attempts + policy.longest_redispatch + period
