"""Batches: create, add members, close, pause, resume, cancel, retry failed members, continue a backfill or import."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.batches.backfill import BackfillProgress, Backfills, start_backfill
from api.batches.members import AddedMembers, MemberCreation
from api.batches.scans import MemberScans, ScanProgress
from api.batches.schemas import BatchRequest
from api.dependencies import Dependencies
from api.jobs.job_spec import Catalog, resolve_job_spec
from shared.aws.dynamodb.batch_members import BatchMembers
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.walks.batch_operations import BatchOperations
from shared.clock import Clock
from shared.errors import BatchClosed, BatchNotFound, BatchPaused, NothingToPause
from shared.ids import is_id
from shared.jobs.batch import Batch, BatchState


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Manages batches of jobs."""

    table: BatchTable
    members: BatchMembers
    creation: MemberCreation
    backfills: Backfills
    scans: MemberScans
    operations: BatchOperations
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
            scans=MemberScans(
                table=dependencies.batches,
                operations=dependencies.batch_operations,
                members=dependencies.members,
                jobs=dependencies.jobs,
                images=dependencies.images,
                queues=dependencies.queues,
                clock=dependencies.clock,
                due_after=dependencies.due_after,
            ),
            operations=dependencies.batch_operations,
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
        """Create a batch with its first members.

        A repeated request continues with the batch that its first try has created, as it was created then. Raises the
        errors of :func:`api.jobs.job_spec.resolve_job_spec` and of :meth:`PrefixImports.start`.
        """
        batch = self._find_created(batch_id, owner) if is_repeat else None
        is_new_batch = batch is None
        if batch is None:
            spec, prefixes = resolve_job_spec(request, catalog), self.backfills.prefixes
            batch = Batch(
                id=batch_id,
                owner=owner,
                name=request.name,
                created_at=at,
                **spec.spec_fields(),
                backfill=start_backfill(request.backfill.to_filter(), at=at) if request.backfill else None,
                prefix_import=prefixes.start(request.prefix) if request.prefix else None,
                expires_at=(at + self.retention).replace(microsecond=0),
            )
        added = self.creation.add(
            request.items, batch, catalog, seed=batch_id, at=at, is_repeat=is_repeat, is_new_batch=is_new_batch
        )
        if request.close:
            self.table.close(batch.id, at=at)
        return added

    def _find_created(self, batch_id: str, owner: str) -> Batch | None:
        try:
            return self.get(batch_id, owner).batch
        except BatchNotFound:
            return None

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
        return self.scans.cancel(self.get(batch_id, owner).batch, at=at, until=until)

    def retry_failed(self, batch_id: str, owner: str, *, at: datetime, until: datetime) -> ScanProgress:
        """Retry the members that had failed when the scan started, until the time is up.

        Raises BatchNotFound if the batch does not exist, or BatchPaused.
        """
        batch = self.get(batch_id, owner).batch
        if batch.paused_at is not None:
            raise BatchPaused
        return self.scans.retry_failed(batch, at=at, until=until)

    def pause(self, batch_id: str, owner: str, *, at: datetime) -> str:
        """Let the server create and retry no more members, and return the ID of the batch. Idempotent.

        Raises BatchNotFound, or NothingToPause if the server has nothing to do.
        """
        batch = self.get(batch_id, owner).batch
        if not batch.is_filling and batch.retrying is None:
            raise NothingToPause
        self.operations.pause(batch, at=at)
        return batch.id

    def resume(self, batch_id: str, owner: str, *, at: datetime) -> str:
        """Let the server continue what was paused or given up, and return the ID of the batch. Idempotent.

        Raises BatchNotFound if the batch does not exist.
        """
        batch = self.get(batch_id, owner).batch
        self.operations.resume(batch, at=at)
        return batch.id

    def continue_backfill(self, batch_id: str, owner: str, *, until: datetime) -> BackfillProgress:
        """Create further members until the time is up. Raises BatchNotFound, NotABackfill or BatchClosed."""
        return self.backfills.advance(self.get(batch_id, owner).batch, until=until)
