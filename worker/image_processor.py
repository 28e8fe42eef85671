"""One attempt at a job: claim it, fetch the image, render it, store the outputs, complete the job."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from shared.aws.dynamodb.job_table import ClaimRefusal, JobTable, RefusalReason
from shared.aws.s3.asset_store import AssetStore
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.source_store import SourceStore
from shared.clock import Clock
from shared.errors import (
    ImageError,
    JobNotFound,
    LeaseHeld,
    PipelineUnreadable,
    RawImageMissing,
    SafelightError,
    ServiceError,
    TimeTooShort,
)
from shared.jobs import object_keys
from shared.jobs.job import Job, JobFailure, ProcessedImage, RawImage
from shared.jobs.message import JobMessage
from shared.jobs.receipt import build_receipt
from shared.jobs.s3_events import CreatedObject
from shared.pipeline.image_formats import detect_format
from shared.pipeline.pipeline import Output, Pipeline
from worker.imaging import Limits, RenderResult
from worker.imaging.encode import EncodedImage
from worker.memory_budget import MemoryBudget

#: ``worker.imaging.render``, or a function that runs it elsewhere and may raise TimeTooShort.
Render = Callable[[bytes, Pipeline, Limits, Mapping[str, bytes]], RenderResult]

#: Reasons that apply to every later claim of the job too.
FINAL_REFUSALS = frozenset({RefusalReason.GONE, RefusalReason.EXPIRED})


class Outcome(StrEnum):
    """The outcome of an attempt. Each of them acknowledges the message."""

    COMPLETED = "completed"
    FAILED = "failed"
    #: Nothing to do: a duplicate message, or a deleted job.
    SKIPPED = "skipped"
    #: Another attempt or the owner changed the job first. This attempt's objects are deleted.
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """An outcome, and the job as written, if the attempt had claimed it."""

    outcome: Outcome
    job: Job | None = None
    #: Why the job failed, with the technical reason as its cause: for the log only.
    error: ImageError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProcessor:
    """Runs attempts. Safe for concurrent use by several threads."""

    jobs: JobTable
    images: ImageStore
    sources: SourceStore
    assets: AssetStore
    limits: Limits
    lease: timedelta
    #: Delay after which the reconciler requeues a released job.
    redispatch: timedelta
    clock: Clock
    render: Render
    #: For the raw images of all concurrent attempts.
    memory: MemoryBudget

    def process(self, message: JobMessage, upload: CreatedObject | None = None) -> AttemptResult:
        """Run one attempt. ``upload`` is the object whose S3 event is the message, if any.

        An image that can't be processed fails the job. Raise LeaseHeld while another worker has the job, ServiceError
        if a service does not answer, and TimeTooShort if rendering can't start in time: the record must then return
        to the queue. In the last two cases the job is released, and the attempt is uncounted.
        """
        job = self.jobs.claim(message, now=self.clock(), lease=self.lease, uploaded=upload is not None)
        if isinstance(job, ClaimRefusal):
            if upload is not None and job.reason in FINAL_REFUSALS:
                # The job ended before its bytes arrived: no other code deletes them.
                self.images.delete_raw(upload.key)
            return self._handle_refusal(job)
        try:
            with self.memory.reserve(self._get_raw_size(job, upload)):
                return self._attempt(job)
        except (ServiceError, TimeTooShort) as error:
            self._release(job, error)
            raise

    def _attempt(self, job: Job) -> AttemptResult:
        raw = job.raw
        max_bytes = self.limits.max_bytes
        try:
            if job.pipeline is None:
                raise PipelineUnreadable
            data = self._fetch(job)
            if job.declaration is not None or job.source is not None:
                # Record the bytes that were read: the object under this key may be replaced later.
                raw = _describe(raw, data)
            if job.declaration is not None:
                job.declaration.require_match(data)
            assets = {pin.name: self.assets.get(job.owner, pin, max_bytes=max_bytes) for pin in job.assets}
            rendered = self.render(data, job.pipeline, self.limits, assets)
        except ImageError as error:
            failed = replace(job, raw=raw).fail(JobFailure.of(error), now=self.clock())
            return replace(self._commit(failed, Outcome.FAILED), error=error)
        outputs = tuple(self._store(job, output, encoded) for output, encoded in rendered.outputs)
        completed = job.complete(
            raw=replace(raw, format=rendered.format, width=rendered.width, height=rendered.height),
            outputs=outputs,
            warnings=rendered.warnings,
            now=self.clock(),
        )
        # The last transition of the claimed job is the start of this attempt.
        receipt = build_receipt(completed, rendered.software, self.limits, started_at=job.timestamp)
        return self._commit(replace(completed, receipt=receipt), Outcome.COMPLETED)

    def _fetch(self, job: Job) -> bytes:
        """Return the raw image. Copy an imported one first, unless an earlier attempt has copied it."""
        try:
            return self.images.get_raw(job.raw, max_bytes=self.limits.max_bytes)
        except RawImageMissing:
            if job.source is None:
                raise
        self.sources.copy(job.source, job.raw.key)
        return self.images.get_raw(job.raw, max_bytes=self.limits.max_bytes)

    def _get_raw_size(self, job: Job, upload: CreatedObject | None) -> int:
        """Return the raw image's size in bytes: as recorded, else from the S3 event, else the largest allowed."""
        if job.raw.size is not None:
            return job.raw.size
        return upload.size if upload is not None else self.limits.max_bytes

    def _release(self, job: Job, error: SafelightError) -> None:
        """Release the job, so that the next attempt need not wait for the lease to end."""
        now = self.clock()
        try:
            if not self.jobs.commit(job.release(error, now=now, due_at=now + self.redispatch)):
                self._delete_copy(job)
        except ServiceError:
            # The table does not answer either: let the lease expire and report the first error.
            return

    def _handle_refusal(self, refusal: ClaimRefusal) -> AttemptResult:
        if refusal.reason is not RefusalReason.LEASED or refusal.lease_until is None:
            return AttemptResult(Outcome.SKIPPED)
        remaining = refusal.lease_until - self.clock()
        raise LeaseHeld(retry_after_seconds=max(1, int(remaining.total_seconds()) + 1))

    def _store(self, job: Job, output: Output, encoded: EncodedImage) -> ProcessedImage:
        processed = ProcessedImage(
            name=output.name,
            key=object_keys.processed_key(job.id, job.attempt, output.name, encoded.image_format.extension),
            size=len(encoded.data),
            width=encoded.width,
            height=encoded.height,
            format=encoded.image_format.name,
            media_type=encoded.image_format.media_type,
            digest=hashlib.sha256(encoded.data).hexdigest(),
        )
        self.images.put_processed(processed, encoded.data)
        return processed

    def _commit(self, job: Job, outcome: Outcome) -> AttemptResult:
        if self.jobs.commit(job):
            return AttemptResult(outcome, job)
        # The record names another attempt's objects or is deleted, so nothing refers to these.
        self.images.delete_processed(job.outputs)
        self._delete_copy(job)
        return AttemptResult(Outcome.OVERTAKEN, job)

    def _delete_copy(self, job: Job) -> None:
        """Delete an imported raw image if its job was deleted before the copy. Another attempt's copy stays."""
        if job.source is None:
            return
        try:
            self.jobs.get(job.id)
        except JobNotFound:
            self.images.delete_raw(job.raw.key)


def _describe(raw: RawImage, data: bytes) -> RawImage:
    """Return the raw image with the size, format and digest of its bytes."""
    image_format = detect_format(data)
    digest = hashlib.sha256(data).hexdigest()
    return replace(raw, size=len(data), format=image_format.name if image_format else None, digest=digest)
