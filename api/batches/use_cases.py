"""Batches: create, add members, close, cancel, retry failed members, continue a backfill.

To cancel or retry members, a call scans all members. If its time is up, it stores its position for the next call.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.batches.backfill import BackfillProgress, Backfills, start_backfill
from api.batches.members import AddedMembers, MemberCreation
from api.batches.schemas import BatchRequest
from api.dependencies import Dependencies
from api.jobs.job_spec import Catalog, resolve_job_spec
from api.jobs.lifecycle import JobLifecycle, require_retriable
from shared.aws.dynamodb.batch_members import BatchMembers
from shared.aws.dynamodb.batch_table import BatchTable
from shared.clock import Clock
from shared.errors import BatchClosed, BatchNotFound, JobNotFound, JobStateError
from shared.ids import is_id
from shared.jobs.batch import Batch, BatchState, MemberScan
from shared.jobs.job import Job, JobStatus


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """Outcome of one call that scans the members of a batch."""

    #: Number of members that this call changed.
    done: int
    is_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Manages batches of jobs."""

    table: BatchTable
    members: BatchMembers
    creation: MemberCreation
    backfills: Backfills
    lifecycle: JobLifecycle
    clock: Clock
    retention: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            table=dependencies.batches,
            members=dependencies.members,
            creation=MemberCreation.of(dependencies),
            backfills=Backfills.of(dependencies),
            lifecycle=JobLifecycle.of(dependencies),
            clock=dependencies.clock,
            retention=dependencies.retention,
        )

    def get(self, batch_id: str, owner: str) -> BatchState:
        """Return one of the owner's batches with its counts. Raises BatchNotFound if the owner has no such batch."""
        identifier = batch_id.upper()
        if not is_id(identifier):
            raise BatchNotFound
        return self.table.get(identifier, owner, now=self.clock())

    def create(  # noqa: PLR0913 - the batch, the request
        self, request: BatchRequest, owner: str, catalog: Catalog, *, batch_id: str, at: datetime, is_repeat: bool
    ) -> AddedMembers:
        """Create a batch with its first members. Raises the errors of :func:`api.jobs.job_spec.resolve_job_spec`."""
        spec = resolve_job_spec(request, catalog)
        batch = Batch(
            id=batch_id,
            owner=owner,
            name=request.name,
            created_at=at,
            **spec.spec_fields(),
            backfill=start_backfill(request.backfill.to_filter(), at=at) if request.backfill else None,
            expires_at=(at + self.retention).replace(microsecond=0),
        )
        added = self.creation.add(
            request.items, batch, catalog, seed=batch_id, at=at, is_repeat=is_repeat, is_new_batch=True
        )
        if request.close:
            self.table.close(batch.id, at=at)
        return added

    def add_members(  # noqa: PLR0913 - the batch, the members, the request
        self,
        batch_id: str,
        items: Sequence[dict[str, object]],
        owner: str,
        catalog: Catalog,
        *,
        seed: str,
        at: datetime,
        is_repeat: bool,
        close: bool,
    ) -> AddedMembers:
        """Add members to a batch, and close the batch afterwards if ``close`` is True.

        Raises BatchNotFound, or BatchClosed if the batch is closed. A repeated request is accepted even for a closed
        batch, because its first try may have closed the batch.
        """
        batch = self.get(batch_id, owner).batch
        if batch.closed_at is not None and not is_repeat:
            raise BatchClosed
        added = self.creation.add(items, batch, catalog, seed=seed, at=at, is_repeat=is_repeat)
        if close:
            self.table.close(batch.id, at=at)
        return added

    def close(self, batch_id: str, owner: str, *, at: datetime) -> str:
        """Close a batch to new members and return its ID. Idempotent. Raises BatchNotFound if it does not exist."""
        batch = self.get(batch_id, owner).batch
        self.table.close(batch.id, at=at)
        return batch.id

    def cancel(self, batch_id: str, owner: str, *, at: datetime, until: datetime) -> ScanProgress:
        """Close a batch and cancel its open members, until the time is up. Raises BatchNotFound."""
        batch = self.get(batch_id, owner).batch
        self.table.close(batch.id, at=at)

        def cancel(job: Job) -> bool:
            if job.status.is_terminal:
                return False
            changed = self.lifecycle.cancel_read(
                job, lambda seen: seen if seen.status.is_terminal else seen.cancel(now=at)
            )
            return changed.status is JobStatus.CANCELLED

        return self._scan(batch, "Cancelling", batch.cancelling or MemberScan(started_at=at), cancel, until)

    def retry_failed(self, batch_id: str, owner: str, *, at: datetime, until: datetime) -> ScanProgress:
        """Retry the members that had failed when the scan started, until the time is up.

        Raises BatchNotFound if the batch does not exist.
        """
        batch = self.get(batch_id, owner).batch
        scan = batch.retrying or MemberScan(started_at=at)

        def retry(job: Job) -> bool:
            if job.status is not JobStatus.FAILED or job.timestamp > scan.started_at:
                return False
            self.lifecycle.restart(job, require_retriable, at=at)
            return True

        return self._scan(batch, "Retrying", scan, retry, until)

    def continue_backfill(self, batch_id: str, owner: str, *, until: datetime) -> BackfillProgress:
        """Create further members until the time is up. Raises BatchNotFound, NotABackfill or BatchClosed."""
        return self.backfills.advance(self.get(batch_id, owner).batch, until=until)

    def _scan(
        self, batch: Batch, name: str, scan: MemberScan, step: Callable[[Job], bool], until: datetime
    ) -> ScanProgress:
        """Call ``step`` for each member after the position of ``scan``, until the time is up.

        ``step`` returns True if it changed the member.
        """
        done = 0
        for jobs in self.members.chunks(batch.id, scan.after):
            for job in jobs:
                if self.clock() >= until:
                    self.table.save_scan(batch.id, name, scan)
                    return ScanProgress(done, is_over=False)
                # If the job has changed since it was read, there is nothing to do.
                with suppress(JobNotFound, JobStateError):
                    done += step(job)
                scan = MemberScan(started_at=scan.started_at, after=job.id)
        self.table.save_scan(batch.id, name, None)
        return ScanProgress(done, is_over=True)
