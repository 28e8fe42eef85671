"""Backfill: members made from stored images, a chunk at a time. The use case, without HTTP.

A call makes as many as its time allows and whoever likes calls again; the place that the walk has come to is written
with the members that it has made. A chunk that two callers make at once is made by one of them.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from api.batches.use_cases import Hall
from api.jobs.imports import Imports
from api.jobs.submission import notify_worker
from shared.aws.dynamodb.job_listing import JobListing, JobQuery
from shared.aws.s3.source_store import SourceObject
from shared.errors import (
    BatchClosed,
    FieldError,
    InvalidRequest,
    NotABackfill,
    SafelightError,
    ServiceError,
)
from shared.ids import first_id_at, new_id
from shared.jobs import object_keys
from shared.jobs.backfill import CHUNK, Backfill, BackfillFilter
from shared.jobs.batch import Batch
from shared.jobs.job import Job, RawImage
from shared.jobs.source import S3Location
from shared.parallel import map_parallel


@dataclass(frozen=True, slots=True)
class Advanced:
    """What a call has done."""

    made: int
    #: The fault that kept messages from being sent, if any.
    send_error: ServiceError | None = None


def begun(wanted: BackfillFilter, *, at: datetime) -> Backfill:
    """Return the beginning of a walk: only jobs that were there when it was asked for, so that it ends.

    Raises InvalidRequest for a moment beyond what an ID can say.
    """
    for name in ("since", "until"):
        _bound(getattr(wanted, name), name)
    until = min(wanted.until or at, at)
    return Backfill(filter=replace(wanted, until=until), before=first_id_at(until))


def advance(batch: Batch, hall: Hall, listing: JobListing, *, until: datetime) -> Advanced:
    """Make members until the time is up or there are no more; then the batch is closed.

    Raises NotABackfill, BatchClosed for one that was closed before its end, or ServiceError.
    """
    if batch.backfill is None:
        raise NotABackfill
    made, fault = 0, None
    while batch.backfill is not None and not batch.backfill.complete:
        if batch.closed_at is not None:
            raise BatchClosed
        jobs, after = _next_chunk(batch, batch.backfill, hall, listing)
        at = hall.clock()
        if hall.batches.advance(batch, jobs, after, at=at, expires_at=at + hall.retention):
            made += len(jobs)
            fault = _hint_all(jobs, hall.imports) or fault
        if hall.clock() >= until:
            break
        batch = hall.batches.get(batch.id, batch.owner, now=at).batch
    return Advanced(made, fault)


def _next_chunk(batch: Batch, backfill: Backfill, hall: Hall, listing: JobListing) -> tuple[list[Job], Backfill]:
    """Return the next members, not yet written, and how far the walk is with them."""
    wanted, now = backfill.filter, hall.clock()
    page = listing.page(
        JobQuery(
            owner=batch.owner,
            status=wanted.status,
            batch_id=wanted.batch_id,
            first_id=_bound(wanted.since, "since"),
            before_id=backfill.before,
            now=now,
            limit=CHUNK,
        )
    )
    sources = [job for job in page.jobs if wanted.matches(job, hall.imports.own_bucket)]
    members = [
        _member(job, found, batch, hall.imports, at=now)
        for job, found in zip(sources, _look_at_all(sources, hall.imports), strict=True)
        if found is not None
    ]
    return members, replace(
        backfill,
        before=page.next_before_id or backfill.before,
        skipped=backfill.skipped + len(sources) - len(members),
        complete=page.next_before_id is None,
    )


def _look_at_all(sources: list[Job], imports: Imports) -> list[SourceObject | None]:
    """Look at the raw images side by side; None for what is not there any more. Raises ServiceError."""

    def one(job: Job) -> SourceObject | None:
        try:
            return imports.sources.find(S3Location(bucket=imports.own_bucket, key=job.raw.key))
        except ServiceError:
            raise
        except SafelightError:
            return None

    return map_parallel(one, sources)


def _member(source: Job, found: SourceObject, batch: Batch, imports: Imports, *, at: datetime) -> Job:
    """Return the job that processes the image of another one anew; nothing is written.

    Its digest is known: the worker copies these bytes and no others.
    """
    batch.require_pipeline()
    job_id = new_id(at)
    return Job.new(
        batch.spec,
        job_id=job_id,
        filename=source.filename,
        raw=RawImage(
            key=object_keys.import_key(job_id), size=found.size, format=source.raw.format, digest=source.raw.digest
        ),
        owner=batch.owner,
        now=at,
        due_after=imports.due_after,
        retention=imports.retention,
        source=found.source,
        batch_id=batch.id,
    )


def _hint_all(jobs: list[Job], imports: Imports) -> ServiceError | None:
    errors = map_parallel(lambda job: notify_worker(job, imports.queues), jobs)
    return next((error for error in errors if error is not None), None)


def _bound(moment: datetime | None, name: str) -> str | None:
    if moment is None:
        return None
    try:
        return first_id_at(moment)
    except OverflowError as error:
        raise InvalidRequest(errors=(FieldError(f"/backfill/{name}", "out of range"),)) from error
