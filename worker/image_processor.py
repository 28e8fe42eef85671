"""The story of one job on one page: claim, fetch, render, store, complete."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from shared.aws.dynamodb.job_table import JobTable, Refusal, Refused
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
from shared.jobs.job import Job, JobFailure, OutputFacts, RawImage
from shared.jobs.message import JobMessage
from shared.jobs.receipt import write_receipt
from shared.jobs.s3_events import Arrival
from shared.pipeline.image_formats import detect
from shared.pipeline.pipeline import Output, Pipeline
from worker.imaging import Limits, Rendered
from worker.imaging.encode import EncodedImage
from worker.memory_budget import Room

#: ``worker.imaging.render``, or something that runs it elsewhere and may have no time for it.
Render = Callable[[bytes, Pipeline, Limits, Mapping[str, bytes]], Rendered]


#: Why a claim was refused that no later one will be granted for.
NOBODYS = frozenset({Refusal.GONE, Refusal.EXPIRED})


class Outcome(StrEnum):
    """What became of one record; each of these acknowledges the message."""

    COMPLETED = "completed"
    FAILED = "failed"
    #: Nothing to do: a duplicate, or a job that is gone.
    SKIPPED = "skipped"
    #: Another attempt or the owner was faster; this attempt's objects are removed.
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True)
class Processed:
    """The end of one record, and the job as it was then, if it was ours."""

    outcome: Outcome
    job: Job | None = None
    #: Why it failed, with the technical reason as its cause: for the log alone.
    error: ImageError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What an attempt works with."""

    jobs: JobTable
    images: ImageStore
    sources: SourceStore
    assets: AssetStore
    limits: Limits
    lease: timedelta
    #: When the reconciler should look after a job that was given back.
    redispatch: timedelta
    clock: Clock
    render: Render
    #: For the raw images of all records that are under way.
    room: Room


def process_job(message: JobMessage, place: Workplace, arrival: Arrival | None = None) -> Processed:
    """Run one attempt at a job; with ``arrival``, because S3 says that its bytes are there.

    An image that can't be processed ends the job as FAILED. Raises LeaseHeld while another worker has
    the job, ServiceError when a service does not answer, and TimeTooShort when rendering can't be started in
    time: then the record must go back to the queue. In the last two cases the job is released, and the attempt
    does not count against its limit.
    """
    job = place.jobs.claim(message, now=place.clock(), lease=place.lease, arrived=arrival is not None)
    if isinstance(job, Refused):
        if arrival is not None and job.reason in NOBODYS:
            # Nobody would ever look for bytes that came after their job had ended for good.
            place.images.delete_raw(arrival.key)
        return _refused(job, place)
    try:
        with place.room.hold(_size(job, arrival, place.limits)):
            return _attempt(job, place)
    except (ServiceError, TimeTooShort) as error:
        _release(job, error, place)
        raise


def _attempt(job: Job, place: Workplace) -> Processed:
    raw = job.raw
    try:
        if job.pipeline is None:
            raise PipelineUnreadable
        data = _fetch(job, place)
        if job.promise is not None or job.source is not None:
            # These bytes and no others from here on: what lies under the key may be replaced meanwhile.
            raw = _as_found(raw, data)
        if job.promise is not None:
            job.promise.demand_kept(data)
        assets = {pin.name: place.assets.get(job.owner, pin, max_bytes=place.limits.max_bytes) for pin in job.assets}
        rendered = place.render(data, job.pipeline, place.limits, assets)
    except ImageError as error:
        ended = replace(job, raw=raw).failed(JobFailure.of(error), now=place.clock())
        failed = _commit(ended, Outcome.FAILED, place)
        return replace(failed, error=error)
    outputs = tuple(_store(job, output, encoded, place.images) for output, encoded in rendered.outputs)
    completed = job.completed(
        raw=replace(raw, format=rendered.format, width=rendered.width, height=rendered.height),
        outputs=outputs,
        warnings=rendered.warnings,
        now=place.clock(),
    )
    # As it was claimed, the job's last transition is the beginning of this attempt.
    receipt = write_receipt(completed, rendered.software, place.limits, started_at=job.timestamp)
    return _commit(replace(completed, receipt=receipt), Outcome.COMPLETED, place)


def _fetch(job: Job, place: Workplace) -> bytes:
    """Fetch the raw image; one that is to be copied is, unless an earlier attempt has done so."""
    try:
        return place.images.get_raw(job.raw, max_bytes=place.limits.max_bytes)
    except RawImageMissing:
        if job.source is None:
            raise
    place.sources.copy(job.source, job.raw.key)
    return place.images.get_raw(job.raw, max_bytes=place.limits.max_bytes)


def _as_found(raw: RawImage, data: bytes) -> RawImage:
    found = detect(data)
    digest = hashlib.sha256(data).hexdigest()
    return replace(raw, size=len(data), format=found.name if found else None, digest=digest)


def _size(job: Job, arrival: Arrival | None, limits: Limits) -> int:
    """Return the bytes that the raw image takes: as recorded, else as S3 told it, else the most that is allowed."""
    if job.raw.size is not None:
        return job.raw.size
    return arrival.size if arrival is not None else limits.max_bytes


def _release(job: Job, error: SafelightError, place: Workplace) -> None:
    """Give the job back, so that the next delivery need not wait for the lease to end."""
    now = place.clock()
    try:
        if not place.jobs.commit(job.released(error, now=now, due_at=now + place.redispatch)):
            _remove_copy(job, place)
    except ServiceError:
        # The table does not answer either. The lease runs out by itself, and the first error is the one to tell.
        return


def _refused(refused: Refused, place: Workplace) -> Processed:
    if refused.reason is not Refusal.LEASED or refused.lease_until is None:
        return Processed(Outcome.SKIPPED)
    rest = refused.lease_until - place.clock()
    raise LeaseHeld(retry_after_seconds=max(1, int(rest.total_seconds()) + 1))


def _store(job: Job, output: Output, encoded: EncodedImage, images: ImageStore) -> OutputFacts:
    facts = OutputFacts(
        name=output.name,
        key=object_keys.processed_key(job.id, job.attempt, output.name, encoded.image_format.extension),
        size=len(encoded.data),
        width=encoded.width,
        height=encoded.height,
        format=encoded.image_format.name,
        media_type=encoded.image_format.media_type,
        digest=hashlib.sha256(encoded.data).hexdigest(),
    )
    images.put_processed(facts, encoded.data)
    return facts


def _commit(job: Job, outcome: Outcome, place: Workplace) -> Processed:
    if place.jobs.commit(job):
        return Processed(outcome, job)
    # Nobody will ever look for them: the record names another attempt, or is deleted and its objects with it.
    place.images.delete_processed(job.outputs)
    _remove_copy(job, place)
    return Processed(Outcome.OVERTAKEN, job)


def _remove_copy(job: Job, place: Workplace) -> None:
    """Remove a raw image that was copied after its job had been deleted; another attempt's stays."""
    if job.source is None:
        return
    try:
        place.jobs.get(job.id)
    except JobNotFound:
        place.images.delete_raw(job.raw.key)
