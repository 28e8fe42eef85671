"""A job: one image, one pipeline, one status; and which moves are legal.

A job is a frozen value and a transition makes a new one. Nothing here writes: ``shared.aws.dynamodb.job_table``
stores a new value under the condition of the old state.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from shared.errors import JobCancelled, SafelightError
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import ImportSource
from shared.jobs.upload_declaration import UploadDeclaration
from shared.pipeline.asset import AssetPin
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import PresetRef

#: Transitions that a job remembers; older ones fall off, the first stays.
MAX_HISTORY = 50
#: History code: the reconciler has sent another message.
REQUEUED = "SWEPT"
#: History code: the message used up its receives.
DEAD_LETTERED = "DEAD_LETTER"
#: Codes in the history of a job that is PENDING again: by its owner's wish, or by an operator's.
RETRIED, REDRIVEN = "RETRIED", "REDRIVEN"
#: History code: the upload got more time.
FORM_RENEWED = "FORM_RENEWED"
#: Owner of jobs where the API knows no caller (``ApiAuth=none``).
ANONYMOUS = "anonymous"


class JobStatus(StrEnum):
    """Where a job stands."""

    #: Known, its bytes not yet in the bucket.
    AWAITING_UPLOAD = "AWAITING_UPLOAD"
    #: Accepted; waits for a worker.
    PENDING = "PENDING"
    #: A worker holds its lease.
    PROCESSING = "PROCESSING"
    #: Processed images stored.
    COMPLETED = "COMPLETED"
    #: Ended with an error that the job states.
    FAILED = "FAILED"
    #: Ended by its owner.
    CANCELLED = "CANCELLED"
    #: The upload never came.
    EXPIRED = "EXPIRED"

    @property
    def is_terminal(self) -> bool:
        """Tell whether nothing more happens by itself."""
        return self in TERMINAL


TERMINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})

TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.AWAITING_UPLOAD: frozenset(
        {JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.EXPIRED, JobStatus.CANCELLED},
    ),
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.FAILED, JobStatus.CANCELLED}),
    # PROCESSING again: the lease ran out and another worker claims it.
    JobStatus.PROCESSING: frozenset(
        {JobStatus.PROCESSING, JobStatus.PENDING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED},
    ),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
    JobStatus.EXPIRED: frozenset(),
}

#: Where a retry begins. PROCESSING leads to PENDING too, but that is an attempt giving its claim back.
RETRIABLE = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})


class IllegalTransition(ValueError):
    """A move that the state machine does not have: a bug in the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImage:
    """Facts of the uploaded bytes; of a direct upload nothing is known before a worker has read it."""

    key: str
    #: Bytes.
    size: int | None = None
    format: str | None = None
    #: SHA-256 of the bytes, hexadecimal. Once known, no other bytes are processed under this job.
    digest: str | None = None
    #: Pixels; known once the worker has read the header.
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessedImage:
    """Facts of one processed image."""

    name: str
    key: str
    #: Bytes.
    size: int
    width: int
    height: int
    format: str
    media_type: str
    #: SHA-256 of the bytes, hexadecimal.
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailure:
    """Why a job failed, in words that may be shown."""

    code: str
    message: str
    retriable: bool

    @classmethod
    def of(cls, error: SafelightError) -> Self:
        """Take the public facts of an error."""
        return cls(code=error.code, message=error.detail, retriable=error.retriable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of a job's history."""

    status: JobStatus
    at: datetime
    #: Why, where there is something to say: an error's code, ``RETRIED`` or ``REDRIVEN``.
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(JobSpec):
    """One image, one pipeline, one status."""

    id: str
    filename: str
    status: JobStatus
    #: Moment of processing; until then, of the last transition.
    timestamp: datetime
    uploaded_at: datetime
    raw: RawImage
    owner: str
    #: What was said of bytes that come directly; None where they came with the job.
    declaration: UploadDeclaration | None = None
    #: What the worker copies the raw image from; None where its owner sends it.
    source: ImportSource | None = None
    outputs: tuple[ProcessedImage, ...] = ()
    warnings: tuple[str, ...] = ()
    #: Runs so far. It only grows and is the fencing token: who commits must hold the newest.
    attempt: int = 0
    #: One more on every retry by the owner; messages carry it, so that an old one can't do harm.
    generation: int = 1
    lease_until: datetime | None = None
    #: When the reconciler should look; None once terminal.
    due_at: datetime | None = None
    #: Attempts that do not count: a service failed them, or they belong to an earlier generation.
    uncounted: int = 0
    #: Messages that the reconciler has sent for this generation; the distance between them doubles.
    requeues: int = 0
    #: Messages of this generation that used up their receives.
    dead_letters: int = 0
    error: JobFailure | None = None
    history: tuple[Transition, ...] = ()
    batch_id: str | None = None
    expires_at: datetime | None = None
    #: Of a completed job: what it was made of and by what, see ``shared.jobs.receipt``; of older ones there is none.
    receipt: str | None = None
    #: How often an operator has sent the job again after its attempts were exhausted.
    redrives: int = 0
    #: Set while the objects of a deleted job are being removed; such a job is gone for everybody else.
    deleted_at: datetime | None = None

    @property
    def is_dead_letter(self) -> bool:
        """Tell whether the job failed by something that may pass, not by its image: worth another try."""
        return self.status is JobStatus.FAILED and self.error is not None and self.error.retriable

    @classmethod
    def new(  # noqa: PLR0913 - a job is born with all of these facts
        cls,
        spec: JobSpec,
        *,
        job_id: str,
        filename: str,
        raw: RawImage,
        owner: str,
        now: datetime,
        due_after: timedelta,
        retention: timedelta,
        declaration: UploadDeclaration | None = None,
        source: ImportSource | None = None,
        batch_id: str | None = None,
    ) -> Self:
        """Make an accepted job, first generation, not yet attempted.

        It is PENDING, or AWAITING_UPLOAD where its bytes are only promised.
        """
        status = JobStatus.AWAITING_UPLOAD if declaration else JobStatus.PENDING
        return cls(
            **spec.spec_fields(),
            id=job_id,
            filename=filename,
            status=status,
            timestamp=now,
            uploaded_at=now,
            raw=raw,
            owner=owner,
            declaration=declaration,
            source=source,
            due_at=now + due_after,
            history=(Transition(status=status, at=now),),
            batch_id=batch_id,
            expires_at=(now + retention).replace(microsecond=0),  # DynamoDB's TTL counts seconds
        )

    @property
    def generation_started_at(self) -> datetime:
        """Return when this generation began: at the upload, or at the last retry that the history remembers."""
        asked = [line.at for line in self.history if line.code in {RETRIED, REDRIVEN}]
        return asked[-1] if asked else self.uploaded_at

    @property
    def elapsed(self) -> timedelta:
        """Return how long the job was on its way to its last transition: since its upload, or its last retry."""
        return self.timestamp - self.generation_started_at

    @property
    def is_unfinished(self) -> bool:
        """Tell whether something must still happen by itself: the job's end, or the end of its deletion."""
        return not self.status.is_terminal or self.deleted_at is not None

    @property
    def attempts_used(self) -> int:
        """Return the attempts of this generation that count against the limit."""
        return self.attempt - self.uncounted

    def is_leased(self, now: datetime) -> bool:
        """Tell whether a worker holds the job."""
        return self.status is JobStatus.PROCESSING and self.lease_until is not None and self.lease_until >= now

    def confirm_upload(self, *, size: int, now: datetime, due_at: datetime) -> "Job":
        """Return this job as one whose bytes are in the bucket. Raises IllegalTransition."""
        return replace(self._transition(JobStatus.PENDING, now), raw=replace(self.raw, size=size), due_at=due_at)

    def extend_upload(self, *, now: datetime, due_at: datetime) -> "Job":
        """Return this job with more time for its upload."""
        line = Transition(status=self.status, at=now, code=FORM_RENEWED)
        return replace(self, history=trim_history((*self.history, line)), due_at=due_at)

    def complete(
        self,
        *,
        raw: RawImage,
        outputs: tuple[ProcessedImage, ...],
        warnings: tuple[str, ...],
        now: datetime,
    ) -> "Job":
        """Return this job with its processed images. Raises IllegalTransition."""
        return replace(
            self._transition(JobStatus.COMPLETED, now), raw=raw, outputs=outputs, warnings=warnings, error=None
        )

    def fail(self, failure: JobFailure, *, now: datetime) -> "Job":
        """Return this job as ended with an error. Raises IllegalTransition."""
        return replace(self._transition(JobStatus.FAILED, now, code=failure.code), error=failure)

    def release(self, error: SafelightError, *, now: datetime, due_at: datetime) -> "Job":
        """Return this job as given back unfinished through no fault of its own. Raises IllegalTransition."""
        back = self._transition(JobStatus.PENDING, now, code=error.code)
        return replace(back, due_at=due_at, uncounted=self.uncounted + 1)

    def expire(self, failure: JobFailure, *, now: datetime) -> "Job":
        """Return this job as one whose upload never came. Raises IllegalTransition."""
        return replace(self._transition(JobStatus.EXPIRED, now, code=failure.code), error=failure)

    def requeue(self, *, now: datetime, due_at: datetime) -> "Job":
        """Return this job as looked after once more by the reconciler: told again, or erased further."""
        line = Transition(status=self.status, at=now, code=REQUEUED)
        return replace(self, history=trim_history((*self.history, line)), requeues=self.requeues + 1, due_at=due_at)

    def record_dead_letter(self, *, now: datetime, due_at: datetime) -> "Job":
        """Return this open job as one whose message died, though it has attempts left."""
        line = Transition(status=self.status, at=now, code=DEAD_LETTERED)
        return replace(
            self,
            history=trim_history((*self.history, line)),
            dead_letters=self.dead_letters + 1,
            due_at=due_at,
        )

    def cancel(self, *, now: datetime) -> "Job":
        """Return this job as ended by its owner. Raises IllegalTransition."""
        failure = JobFailure.of(JobCancelled())
        return replace(self._transition(JobStatus.CANCELLED, now, code=failure.code), error=failure)

    def retry(  # noqa: PLR0913 - what a retry may change
        self,
        *,
        now: datetime,
        due_after: timedelta,
        pipeline: Pipeline | None = None,
        preset: PresetRef | None = None,
        assets: tuple[AssetPin, ...] = (),
        code: str = RETRIED,
    ) -> "Job":
        """Return this job as PENDING once more, in a new generation, with another pipeline if one is given.

        ``preset`` and ``assets`` are that pipeline's; the job keeps its own with its own pipeline.
        ``attempt`` stays: it is the fencing token and two runs must never share one. The limits begin anew.
        Raises IllegalTransition.
        """
        if self.status not in RETRIABLE:
            msg = f"{self.status} can't be retried"
            raise IllegalTransition(msg)
        return replace(
            self._transition(JobStatus.PENDING, now, code=code),
            generation=self.generation + 1,
            pipeline=pipeline or self.pipeline,
            preset=preset if pipeline else self.preset,
            assets=assets if pipeline else self.assets,
            due_at=now + due_after,
            uncounted=self.attempt,
            requeues=0,
            dead_letters=0,
            error=None,
            outputs=(),
            warnings=(),
            redrives=self.redrives + (code == REDRIVEN),
        )

    def delete(self, *, now: datetime, due_at: datetime) -> "Job":
        """Return the tombstone of this job, whatever its state: no message and no attempt fits it any more.

        From ``due_at`` on the reconciler erases what is left of it, should the deletion die half-way.
        """
        return replace(
            self,
            status=JobStatus.CANCELLED,
            generation=self.generation + 1,
            lease_until=None,
            due_at=due_at,
            requeues=0,
            dead_letters=0,
            error=None,
            deleted_at=now,
        )

    def _transition(self, status: JobStatus, now: datetime, code: str | None = None) -> "Job":
        if status not in TRANSITIONS[self.status]:
            msg = f"{self.status} does not lead to {status}"
            raise IllegalTransition(msg)
        line = Transition(status=status, at=now, code=code)
        return replace(
            self,
            status=status,
            timestamp=now,
            history=trim_history((*self.history, line)),
            lease_until=None,
            due_at=None if status.is_terminal else self.due_at,
        )


def trim_history(history: tuple[Transition, ...]) -> tuple[Transition, ...]:
    """Keep the first transition and the newest ones, at most ``MAX_HISTORY``."""
    if len(history) <= MAX_HISTORY:
        return history
    return (history[0], *history[-(MAX_HISTORY - 1) :])
