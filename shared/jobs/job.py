"""A job, its states and its transitions.

A job is a frozen value and a transition returns a new one. ``shared.aws.dynamodb.job_table`` stores the new value on
condition that the stored job has not changed.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from shared.errors import JobCancelled, SafelightError
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import ImportSource, UrlSource
from shared.jobs.upload_declaration import UploadDeclaration
from shared.pipeline.asset import AssetPin
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import PresetRef
from shared.pipeline.responsive import SkippedOutput

#: Maximum number of transitions in the history of a job: the first transition and the newest ones.
MAX_HISTORY = 50
#: History code: the reconciler has sent the message again.
REQUEUED = "SWEPT"
#: History code: a message of the job became a dead letter.
DEAD_LETTERED = "DEAD_LETTER"
#: History codes: the owner has retried the job, or an operator has redriven it.
RETRIED, REDRIVEN = "RETRIED", "REDRIVEN"
#: History code: the time for the upload was extended.
FORM_RENEWED = "FORM_RENEWED"
#: Owner of all jobs if the API does not authenticate callers (``ApiAuth=none``).
ANONYMOUS = "anonymous"


class JobStatus(StrEnum):
    """The status of a job."""

    #: Accepted; the bytes are not in the bucket yet.
    AWAITING_UPLOAD = "AWAITING_UPLOAD"
    #: Waits for a worker.
    PENDING = "PENDING"
    #: Claimed by a worker.
    PROCESSING = "PROCESSING"
    #: The processed images are stored.
    COMPLETED = "COMPLETED"
    #: Ended with the error that the job has.
    FAILED = "FAILED"
    #: Ended by its owner.
    CANCELLED = "CANCELLED"
    #: The upload never arrived.
    EXPIRED = "EXPIRED"

    @property
    def is_terminal(self) -> bool:
        """Return True if the job has ended. After that, only a retry, redrive or deletion changes the job."""
        return self in TERMINAL


TERMINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})

TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.AWAITING_UPLOAD: frozenset(
        {JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.EXPIRED, JobStatus.CANCELLED},
    ),
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.FAILED, JobStatus.CANCELLED}),
    # PROCESSING to PROCESSING: the lease has expired and another worker claims the job.
    JobStatus.PROCESSING: frozenset(
        {JobStatus.PROCESSING, JobStatus.PENDING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED},
    ),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
    JobStatus.EXPIRED: frozenset(),
}

#: Statuses in which a job can be retried. PROCESSING also leads to PENDING, but only if an attempt releases its claim.
RETRIABLE = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})


class IllegalTransition(ValueError):
    """The job's status does not allow the transition. This is a bug in the calling code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawImage:
    """The uploaded image. The properties of a direct upload are unknown until a worker has read it."""

    key: str
    #: Bytes.
    size: int | None = None
    format: str | None = None
    #: SHA-256 of the bytes, hexadecimal. Once it is known, the job processes no other bytes.
    digest: str | None = None
    #: Pixels. Known once a worker has read the header.
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessedImage:
    """One stored output of a job."""

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
    """Why a job failed. The message is public."""

    code: str
    message: str
    retriable: bool

    @classmethod
    def of(cls, error: SafelightError) -> Self:
        """Return the public facts of an error."""
        return cls(code=error.code, message=error.detail, retriable=error.retriable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of a job's history."""

    status: JobStatus
    at: datetime
    #: The reason, if there is one: the code of an error or one of the history codes.
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(JobSpec):
    """One image, one pipeline, one status."""

    id: str
    filename: str
    status: JobStatus
    #: Time of the last change of the status. For a completed job, this is the time of processing.
    timestamp: datetime
    uploaded_at: datetime
    raw: RawImage
    owner: str
    #: Declaration of a direct upload; None if the bytes came with the request.
    declaration: UploadDeclaration | None = None
    #: Object or file to import the raw image from; None if it is uploaded.
    source: ImportSource | UrlSource | None = None
    outputs: tuple[ProcessedImage, ...] = ()
    #: Width in pixels after the shared operations, if the pipeline has responsive outputs and the job is completed.
    full_width: int | None = None
    warnings: tuple[str, ...] = ()
    #: Number of attempts so far. It never decreases. It is the fencing token: only the newest attempt can commit.
    attempt: int = 0
    #: Incremented by each retry. Messages contain it, so a worker ignores messages of an older generation.
    generation: int = 1
    lease_until: datetime | None = None
    #: When the reconciler checks the job; None for a job that has ended.
    due_at: datetime | None = None
    #: Attempts that do not count: a service fault ended them, or they belong to an earlier generation.
    uncounted: int = 0
    #: Number of requeues in this generation. The interval between requeues doubles.
    requeues: int = 0
    #: Messages of this generation that became dead letters.
    dead_letters: int = 0
    error: JobFailure | None = None
    history: tuple[Transition, ...] = ()
    batch_id: str | None = None
    expires_at: datetime | None = None
    #: Receipt of a completed job (``shared.jobs.receipt``). Jobs of older versions have none.
    receipt: str | None = None
    #: Facts about the raw image of a completed job, as JSON (``shared.pipeline.facts``). They can be private, so
    #: listings, events and logs must not contain them.
    facts: str | None = field(default=None, repr=False)
    #: How often an operator has redriven the job.
    redrives: int = 0
    #: True if the job counts for its owner's limit on open jobs, because there was a limit when it was created.
    is_counted: bool = False
    #: Set while the objects of a deleted job are being deleted. To callers, such a job does not exist.
    deleted_at: datetime | None = None

    @property
    def is_dead_letter(self) -> bool:
        """Return True if the job failed with a retryable error."""
        return self.status is JobStatus.FAILED and self.error is not None and self.error.retriable

    @classmethod
    def new(  # noqa: PLR0913 - a new job needs all of these
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
        source: ImportSource | UrlSource | None = None,
        batch_id: str | None = None,
    ) -> Self:
        """Create a job. Its status is AWAITING_UPLOAD if it has a declaration, otherwise PENDING."""
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
            expires_at=(now + retention).replace(microsecond=0),  # the resolution of DynamoDB's TTL
        )

    @property
    def expected_bytes(self) -> int | None:
        """Return the size of the raw image: that of the file, or else the declared one. None if it is unknown."""
        if self.raw.size is not None:
            return self.raw.size
        return self.declaration.size if self.declaration is not None else None

    @property
    def is_multipart(self) -> bool:
        """Return True if the raw image is uploaded in parts."""
        return self.declaration is not None and self.declaration.plan is not None

    @property
    def generation_started_at(self) -> datetime:
        """Return when this generation started: at the upload, or at the last retry in the history."""
        retries = [line.at for line in self.history if line.code in {RETRIED, REDRIVEN}]
        return retries[-1] if retries else self.uploaded_at

    @property
    def elapsed(self) -> timedelta:
        """Return the time from the start of this generation to the last transition."""
        return self.timestamp - self.generation_started_at

    @property
    def skipped(self) -> tuple[SkippedOutput, ...]:
        """Return the responsive outputs that a completed job has skipped."""
        if self.full_width is None or self.pipeline is None:
            return ()
        return self.pipeline.expand_outputs(self.full_width).skipped

    @property
    def is_unfinished(self) -> bool:
        """Return True if the job has not ended, or its deletion has not finished."""
        return not self.status.is_terminal or self.deleted_at is not None

    @property
    def attempts_used(self) -> int:
        """Return the number of attempts of this generation that count against the limit."""
        return self.attempt - self.uncounted

    def is_leased(self, now: datetime) -> bool:
        """Return True if a worker holds the lease."""
        return self.status is JobStatus.PROCESSING and self.lease_until is not None and self.lease_until >= now

    def confirm_upload(self, *, size: int, now: datetime, due_at: datetime) -> "Job":
        """Return the job as PENDING, with the size of its upload.

        Raises IllegalTransition if the status does not allow this.
        """
        return replace(self._transition(JobStatus.PENDING, now), raw=replace(self.raw, size=size), due_at=due_at)

    def extend_upload(self, *, now: datetime, due_at: datetime) -> "Job":
        """Return the job with more time for its upload."""
        return replace(self, history=self._extend_history(FORM_RENEWED, now), due_at=due_at)

    def complete(
        self,
        *,
        raw: RawImage,
        outputs: tuple[ProcessedImage, ...],
        warnings: tuple[str, ...],
        now: datetime,
        full_width: int | None = None,
    ) -> "Job":
        """Return the job as completed, with its processed images. Raises IllegalTransition if it is not PROCESSING."""
        return replace(
            self._transition(JobStatus.COMPLETED, now),
            raw=raw,
            outputs=outputs,
            full_width=full_width,
            warnings=warnings,
            error=None,
        )

    def fail(self, failure: JobFailure, *, now: datetime) -> "Job":
        """Return the job as failed. Raises IllegalTransition if it is neither PENDING nor PROCESSING."""
        return replace(self._transition(JobStatus.FAILED, now, code=failure.code), error=failure)

    def release(self, error: SafelightError, *, now: datetime, due_at: datetime, counted: bool = False) -> "Job":
        """Return the job as PENDING after an error that the image did not cause.

        The attempt does not count against the limit, unless ``counted`` is true. Raises IllegalTransition if the status
        does not allow this.
        """
        pending = self._transition(JobStatus.PENDING, now, code=error.code)
        return replace(pending, due_at=due_at, uncounted=self.uncounted + (not counted))

    def expire(self, failure: JobFailure, *, now: datetime) -> "Job":
        """Return the job as expired: its upload never arrived.

        Raises IllegalTransition if the job does not await an upload.
        """
        return replace(self._transition(JobStatus.EXPIRED, now, code=failure.code), error=failure)

    def requeue(self, *, now: datetime, due_at: datetime) -> "Job":
        """Return the job with one more requeue: the reconciler sends its message again or continues its deletion."""
        history = self._extend_history(REQUEUED, now)
        return replace(self, history=history, requeues=self.requeues + 1, due_at=due_at)

    def record_dead_letter(self, *, now: datetime, due_at: datetime) -> "Job":
        """Return the job with one more message that became a dead letter."""
        history = self._extend_history(DEAD_LETTERED, now)
        return replace(self, history=history, dead_letters=self.dead_letters + 1, due_at=due_at)

    def cancel(self, *, now: datetime) -> "Job":
        """Return the job as cancelled. Raises IllegalTransition if it has ended."""
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
        """Return the job as PENDING in a new generation, with another pipeline if one is given.

        ``preset`` and ``assets`` belong to that pipeline. Without a new pipeline, the job keeps all three. The counts
        of attempts used, requeues and dead letters start at 0 again. ``attempt`` does not, because it is the fencing
        token. Raises IllegalTransition if the job is neither failed nor cancelled.
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
            full_width=None,
            warnings=(),
            redrives=self.redrives + (code == REDRIVEN),
        )

    def delete(self, *, now: datetime, due_at: datetime) -> "Job":
        """Return the tombstone of the job, whatever the job's status is.

        The tombstone has a new generation, so older messages and attempts have no effect. If the deletion is
        interrupted, the reconciler continues it at ``due_at``.
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
            facts=None,
            deleted_at=now,
        )

    def _extend_history(self, code: str, now: datetime) -> tuple[Transition, ...]:
        """Return the history with another entry for the current status."""
        return trim_history((*self.history, Transition(status=self.status, at=now, code=code)))

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
    """Return the first transition and the newest ones, at most ``MAX_HISTORY``."""
    if len(history) <= MAX_HISTORY:
        return history
    return (history[0], *history[-(MAX_HISTORY - 1) :])
