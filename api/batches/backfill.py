"""Backfills and imports of prefixes: creation of members by the server, one chunk at a time.

Each call creates members until its time is up. The next call continues where the last one stopped. One transaction
writes both a chunk of members and the new position, so concurrent calls create each member only once.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from api.batches.members import notify_workers
from api.batches.prefix_imports import PrefixImports
from api.dependencies import Dependencies
from api.jobs.imports import Imports
from api.jobs.stored_images import StoredImage
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.job_listing import JobListing, JobQuery
from shared.clock import Clock
from shared.errors import (
    BatchClosed,
    BatchPaused,
    FieldError,
    InvalidRequest,
    NotABackfill,
    QuotaExceeded,
    ServiceError,
)
from shared.ids import first_id_at, new_id
from shared.jobs.backfill import CHUNK, Backfill, BackfillFilter
from shared.jobs.batch import Batch
from shared.jobs.job import Job
from shared.jobs.prefix_import import PrefixImport
from shared.parallel import map_parallel


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """Result of one call that creates members."""

    #: Number of members that the call created.
    created: int
    #: The error if a message could not be sent.
    send_error: ServiceError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfills:
    """Creates the members of backfills and of imports of prefixes."""

    table: BatchTable
    listing: JobListing
    imports: Imports
    prefixes: PrefixImports
    clock: Clock
    retention: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            table=dependencies.batches,
            listing=dependencies.listing,
            imports=Imports.of(dependencies),
            prefixes=PrefixImports(imports=Imports.of(dependencies), clock=dependencies.clock),
            clock=dependencies.clock,
            retention=dependencies.retention,
        )

    def advance(self, batch: Batch, *, until: datetime) -> BackfillProgress:
        """Create members until the time is up or no images are left. The last chunk closes the batch.

        Chunks become smaller if a limit of the owner does not allow a whole one. If it does not allow one more member,
        the call ends. Raises TooManyOpenJobs or DailyBytesExceeded if it has created no member then, NotABackfill,
        BatchClosed if the batch was closed before all members were created, BatchPaused, the errors of
        :meth:`PrefixImports.build_chunk`, or ServiceError if AWS fails.
        """
        if batch.fill is None:
            raise NotABackfill
        created, send_error, limit = 0, None, CHUNK
        while batch.fill is not None and not batch.fill.complete:
            if batch.closed_at is not None:
                raise BatchClosed
            if batch.paused_at is not None:
                raise BatchPaused
            jobs, progress = self._build_members(batch, batch.fill, limit)
            at = self.clock()
            try:
                is_stored = self.table.advance(batch, jobs, progress, at=at, expires_at=at + self.retention)
            except QuotaExceeded:
                if len(jobs) > 1:
                    limit = max(1, limit // 2)
                    continue
                if created:
                    break
                raise
            if is_stored:
                created += len(jobs)
                send_error = notify_workers(jobs, self.imports.queues) or send_error
            if self.clock() >= until:
                break
            batch = self.table.get(batch.id, batch.owner, now=at).batch
        return BackfillProgress(created, send_error)

    def _build_members(
        self, batch: Batch, fill: Backfill | PrefixImport, limit: int
    ) -> tuple[list[Job], Backfill | PrefixImport]:
        """Return the next members and the new position, without writing them."""
        if isinstance(fill, PrefixImport):
            return self.prefixes.build_chunk(batch, fill, limit)
        return self._build_chunk(batch, fill, limit)

    def _build_chunk(self, batch: Batch, backfill: Backfill, limit: int) -> tuple[list[Job], Backfill]:
        """Return the next members and the backfill with its new position, without writing them.

        ``limit`` is the maximum number of jobs to examine.
        """
        query, now = backfill.filter, self.clock()
        page = self.listing.page(
            JobQuery(
                owner=batch.owner,
                status=query.status,
                batch_id=query.batch_id,
                first_id=_first_id(query.since, "since"),
                before_id=backfill.before,
                now=now,
                limit=limit,
            )
        )
        matches = [job for job in page.jobs if query.matches(job, self.imports.own_bucket)]
        members = [
            self._build_member(image, batch, at=now)
            for image in map_parallel(self.imports.find_stored, matches)
            if image is not None
        ]
        return members, replace(
            backfill,
            before=page.next_before_id or backfill.before,
            skipped=backfill.skipped + len(matches) - len(members),
            complete=page.next_before_id is None,
        )

    def _build_member(self, image: StoredImage, batch: Batch, *, at: datetime) -> Job:
        """Return a job that processes the raw image of another job, without writing it.

        The new job stores the digest of the raw image, so the worker copies exactly these bytes.
        """
        batch.require_pipeline()
        return self.imports.build_job(image, batch.spec, None, batch.owner, job_id=new_id(at), at=at, batch_id=batch.id)


def start_backfill(query: BackfillFilter, *, at: datetime) -> Backfill:
    """Return a new backfill. It covers only the jobs that exist at ``at``, so that it ends.

    Raises InvalidRequest if ``since`` or ``until`` is a time that no ID can represent.
    """
    _first_id(query.since, "since")
    _first_id(query.until, "until")
    until = min(query.until or at, at)
    return Backfill(filter=replace(query, until=until), before=first_id_at(until))


def _first_id(time: datetime | None, name: str) -> str | None:
    if time is None:
        return None
    try:
        return first_id_at(time)
    except OverflowError as error:
        raise InvalidRequest(errors=(FieldError(f"/backfill/{name}", "is out of range"),)) from error
