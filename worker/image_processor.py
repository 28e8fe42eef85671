"""One attempt: claim the job, download the image, render it, store the outputs, complete the job."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from shared.aws.dynamodb.job_table import ClaimRefusal, JobTable, RefusalReason
from shared.aws.s3.asset_store import AssetStore
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.source_store import SourceStore
from shared.clock import Clock
from shared.errors import (
    AttemptsExhausted,
    ImageError,
    JobNotFound,
    LeaseHeld,
    PipelineUnreadable,
    RawImageMissing,
    RenderInterrupted,
    SafelightError,
    ServiceError,
    SourceUnreachable,
    TimeTooShort,
    TooManyBytes,
)
from shared.jobs import object_keys
from shared.jobs.job import Job, JobFailure, ProcessedImage, RawImage
from shared.jobs.message import JobMessage
from shared.jobs.receipt import build_receipt
from shared.jobs.s3_events import CreatedObject
from shared.jobs.source import UrlSource
from shared.jobs.upload_declaration import ANY_TYPE, UploadMethod
from shared.pipeline.facts import FactsRequest
from shared.pipeline.image_formats import BY_NAME, detect_format
from shared.pipeline.pipeline import Output, Pipeline
from worker.imaging import Limits, RenderResult
from worker.imaging.encode import EncodedImage
from worker.memory_budget import MemoryBudget
from worker.url_source import UrlFetcher

#: ``worker.imaging.render``, or a function that runs it elsewhere and may raise TimeTooShort.
Render = Callable[[bytes, Pipeline, Limits, Mapping[str, bytes], FactsRequest | None], RenderResult]

#: Reasons for which every later claim of the job would be refused, too.
FINAL_REFUSALS = frozenset({RefusalReason.GONE, RefusalReason.EXPIRED})


class Outcome(StrEnum):
    """The outcome of an attempt. With every outcome, the message is acknowledged."""

    COMPLETED = "completed"
    FAILED = "failed"
    #: Nothing was done, because the message is a duplicate or outdated, or the job was deleted.
    SKIPPED = "skipped"
    #: Another attempt or the owner changed the job first. The objects of this attempt were deleted.
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The outcome of an attempt, and the job after it. ``job`` is None if the outcome is SKIPPED."""

    outcome: Outcome
    job: Job | None = None
    #: Why the job failed. Its ``__cause__`` is the technical reason, which is only logged.
    error: SafelightError | None = None


class _RawImageLarger(Exception):
    """The raw image is larger than its reservation: a second upload has replaced it since the S3 event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProcessor:
    """Runs attempts. Thread-safe."""

    jobs: JobTable
    images: ImageStore
    sources: SourceStore
    urls: UrlFetcher
    assets: AssetStore
    limits: Limits
    lease: timedelta
    #: A job fails after this many counted attempts without a result.
    max_attempts: int
    #: Delay after which the reconciler requeues a released job.
    redispatch: timedelta
    clock: Clock
    render: Render
    #: Limits the memory for the raw images of all concurrent attempts.
    memory: MemoryBudget

    def process(self, message: JobMessage, upload: CreatedObject | None = None) -> AttemptResult:
        """Run one attempt. ``upload`` is the object whose S3 event is the message, if any.

        The job fails if its image can't be processed or if it has no attempts left.

        Raises LeaseHeld if another worker holds the lease, ServiceError if a service fails, TimeTooShort if rendering
        can't start in time, RenderInterrupted if something other than the image may have interrupted rendering, and
        SourceUnreachable if the file of an import can't be downloaded now.
        After each of these errors, the record must return to the queue. All except LeaseHeld release the job. All
        except the last two leave the attempt uncounted.
        """
        job = self.jobs.claim(
            message, now=self.clock(), lease=self.lease, max_attempts=self.max_attempts, uploaded=upload is not None
        )
        if isinstance(job, ClaimRefusal):
            if upload is not None and _is_unused(upload, job):
                # No other code deletes the upload.
                self.images.delete_raw(upload.key)
            return self._handle_refusal(job)
        try:
            return self._attempt_within_budget(job, self._get_raw_size(job, upload))
        except (ServiceError, TimeTooShort) as error:
            self._release(job, error)
            raise
        except (RenderInterrupted, SourceUnreachable) as error:
            if job.attempts_used >= self.max_attempts:
                exhausted = AttemptsExhausted() if isinstance(error, RenderInterrupted) else error
                exhausted.__cause__ = error.__cause__ if exhausted is error else error
                failed = job.fail(JobFailure.of(exhausted), now=self.clock())
                return replace(self._commit(failed, Outcome.FAILED), error=exhausted)
            self._release(job, error, counted=True)
            raise

    def _attempt_within_budget(self, job: Job, size: int) -> AttemptResult:
        """Run the attempt with memory for a raw image of ``size`` bytes. If it is larger, reserve the largest size."""
        with suppress(_RawImageLarger), self.memory.reserve(size):
            return self._attempt(job, size)
        with self.memory.reserve(self.limits.max_bytes):
            return self._attempt(job, self.limits.max_bytes)

    def _attempt(self, job: Job, size: int) -> AttemptResult:
        raw, data = job.raw, None
        max_bytes = self.limits.max_bytes
        try:
            if job.pipeline is None:
                raise PipelineUnreadable
            data = self._fetch(job, min(size, max_bytes))
            if job.declaration is not None or job.source is not None:
                # Describe the bytes that were read, because the object under this key may be replaced later.
                raw = _describe(raw, data)
            if job.declaration is not None:
                job.declaration.require_match(data, raw.digest)
            assets = {pin.name: self.assets.get(job.owner, pin, max_bytes=max_bytes) for pin in job.assets}
            rendered = self.render(data, job.pipeline, self.limits, assets, job.facts_request)
        except ImageError as error:
            raw = self._pin(job, raw, data)
            failed = replace(job, raw=raw).fail(JobFailure.of(error), now=self.clock())
            return replace(self._commit(failed, Outcome.FAILED), error=error)
        raw = self._pin(job, raw, data)
        outputs = tuple(self._store(job, output, encoded) for output, encoded in rendered.outputs)
        completed = job.complete(
            raw=replace(raw, format=rendered.format, width=rendered.width, height=rendered.height),
            outputs=outputs,
            full_width=rendered.full_width if job.pipeline.responsive else None,
            warnings=rendered.warnings,
            now=self.clock(),
        )
        # The time of the claimed job's last transition is the start of this attempt.
        receipt = build_receipt(completed, rendered.software, rendered.sandbox, self.limits, started_at=job.timestamp)
        facts = rendered.facts.to_text() if rendered.facts else None
        return self._commit(replace(completed, receipt=receipt, facts=facts), Outcome.COMPLETED)

    def _fetch(self, job: Job, max_bytes: int) -> bytes:
        """Return the raw image. For an import, copy it from its source first if no earlier attempt has copied it."""
        try:
            return self._read(job, max_bytes)
        except RawImageMissing:
            if job.source is None:
                raise
        if isinstance(job.source, UrlSource):
            data = self.urls.fetch(job.source, max_bytes=self.limits.max_bytes)
            # The next attempt reads this copy, so all attempts process the same bytes.
            self.images.put_raw(job.raw, data, ANY_TYPE)
            return data
        try:
            self.sources.copy(job.source, job.raw.key)
        except ImageError:
            # An earlier try of this call may have made the copy, although its response was lost. Then the source may be
            # gone, but the copy exists.
            with suppress(RawImageMissing):
                return self._read(job, max_bytes)
            raise
        return self._read(job, max_bytes)

    def _read(self, job: Job, max_bytes: int) -> bytes:
        """Return the bytes of a job's raw image.

        If the image exceeds ``max_bytes``, raises TooManyBytes if ``max_bytes`` is ``limits.max_bytes``, or
        _RawImageLarger if it is lower.
        """
        try:
            if job.declaration is not None and job.declaration.digest is not None:
                return self.images.get_declared(job.raw, max_bytes=max_bytes)
            return self.images.get_raw(job.raw, max_bytes=max_bytes)
        except TooManyBytes:
            if max_bytes < self.limits.max_bytes:
                raise _RawImageLarger from None
            raise

    def _pin(self, job: Job, raw: RawImage, data: bytes | None) -> RawImage:
        """Copy a direct upload that can be replaced to a key that no caller can write. Return the raw image.

        A form stays valid after the worker has read the bytes, and parts can be completed again. S3 refuses a second
        PUT, because the signature covers ``If-None-Match: *``. ``data`` is what the worker has read, or None if it has
        read nothing.
        """
        is_replaceable = job.declaration is not None and job.declaration.method is not UploadMethod.PUT
        if data is None or not is_replaceable or object_keys.job_of_direct_key(raw.key) is None:
            return raw
        pinned = replace(raw, key=object_keys.pinned_key(job.id, job.attempt))
        image_format = BY_NAME.get(raw.format or "")
        self.images.put_raw(pinned, data, image_format.media_type if image_format else ANY_TYPE)
        return pinned

    def _delete_upload(self, job: Job) -> None:
        """Delete a direct upload if the record refers to its copy. If S3 fails, a lifecycle rule deletes it later."""
        if job.declaration is not None and job.raw.key == object_keys.pinned_key(job.id, job.attempt):
            with suppress(ServiceError):
                self.images.delete_raw(object_keys.direct_key(job.id, bulk=job.batch_id is not None))

    def _get_raw_size(self, job: Job, upload: CreatedObject | None) -> int:
        """Return the raw image's size in bytes from the job or the S3 event. If unknown, return the largest allowed."""
        if job.raw.size is not None:
            return job.raw.size
        return upload.size if upload is not None and upload.size else self.limits.max_bytes

    def _release(self, job: Job, error: SafelightError, *, counted: bool = False) -> None:
        """Release the job, so that the next attempt can start before the lease ends."""
        now = self.clock()
        try:
            if not self.jobs.commit(job.release(error, now=now, due_at=now + self.redispatch, counted=counted)):
                self._delete_copy(job)
        except ServiceError:
            # The table does not respond, either. Let the lease expire; the caller raises the first error.
            return

    def _handle_refusal(self, refusal: ClaimRefusal) -> AttemptResult:
        job = refusal.job
        if refusal.reason is RefusalReason.EXHAUSTED and job is not None:
            return self._fail_exhausted(job)
        if refusal.reason is not RefusalReason.LEASED or job is None or job.lease_until is None:
            return AttemptResult(Outcome.SKIPPED)
        remaining = job.lease_until - self.clock()
        raise LeaseHeld(retry_after_seconds=max(1, int(remaining.total_seconds()) + 1))

    def _fail_exhausted(self, job: Job) -> AttemptResult:
        """Fail a job that has used all its attempts, unless it has changed in the meantime."""
        error = AttemptsExhausted()
        failed = job.fail(JobFailure.of(error), now=self.clock())
        if self.jobs.compare_and_swap(job, failed):
            self._delete_other_outputs(failed)
            return AttemptResult(Outcome.FAILED, failed, error)
        return AttemptResult(Outcome.SKIPPED)

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
            self._delete_upload(job)
            if job.attempt > 1:
                self._delete_other_outputs(job)
            return AttemptResult(outcome, job)
        # The job record was deleted or refers to the objects of another attempt, so nothing refers to these objects.
        self.images.delete_attempt(job)
        self._delete_copy(job)
        return AttemptResult(Outcome.OVERTAKEN, job)

    def _delete_other_outputs(self, job: Job) -> None:
        """Delete outputs of attempts that were killed. If S3 fails, a lifecycle rule deletes them."""
        with suppress(ServiceError):
            self.images.delete_other_outputs(job)

    def _delete_copy(self, job: Job) -> None:
        """Delete the raw image of an import if its job no longer exists, because no other code would delete it."""
        if job.source is None:
            return
        try:
            self.jobs.get(job.id)
        except JobNotFound:
            self.images.delete_raw(job.raw.key)


def _is_unused(upload: CreatedObject, refusal: ClaimRefusal) -> bool:
    """Return True if no attempt will read an upload: its job has ended without it or refers to a copy."""
    return refusal.reason in FINAL_REFUSALS or (refusal.job is not None and refusal.job.raw.key != upload.key)


def _describe(raw: RawImage, data: bytes) -> RawImage:
    """Return the raw image with the size, format and digest of ``data``."""
    image_format = detect_format(data)
    digest = hashlib.sha256(data).hexdigest()
    return replace(raw, size=len(data), format=image_format.name if image_format else None, digest=digest)
