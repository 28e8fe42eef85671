"""Scans of all members of a batch: cancel the open ones, retry the failed ones.

A scan starts with one write, which also lists it for the walker function. It stores its position after each
page of members. So it ends even if the client is gone or the function is killed. Steps are idempotent, so two scans of
the same members at the same time do no harm.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from api.jobs.lifecycle import cancel_job, require_retriable, restart_job
from shared.aws.dynamodb.batch_members import BatchMembers
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.dynamodb.walks.batch_operations import BatchOperations
from shared.aws.s3.image_store import ImageStore
from shared.aws.sqs import JobQueues
from shared.clock import Clock
from shared.errors import JobNotFound, JobStateError
from shared.jobs.batch import Batch, MemberScan
from shared.jobs.job import Job, JobStatus
from shared.jobs.walk import WalkKind


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """Outcome of one call that scans the members of a batch."""

    #: Number of members that this call changed.
    done: int
    is_over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberScans:
    """Scans the members of batches."""

    table: BatchTable
    operations: BatchOperations
    members: BatchMembers
    jobs: JobTable
    images: ImageStore
    queues: JobQueues
    clock: Clock
    due_after: timedelta

    def cancel(self, batch: Batch, *, at: datetime, until: datetime) -> ScanProgress:
        """Close a batch and cancel its open members, until the time is up. Raises BatchNotFound."""
        if batch.cancelling is None:
            self.operations.begin_scan(batch, WalkKind.CANCEL, MemberScan(started_at=at))
        return self.continue_cancel(batch, batch.cancelling or MemberScan(started_at=at), at=at, until=until)

    def continue_cancel(self, batch: Batch, scan: MemberScan, *, at: datetime, until: datetime) -> ScanProgress:
        """Continue a cancellation that has started, until the time is up."""

        def cancel(job: Job) -> bool:
            if job.status.is_terminal:
                return False
            changed = cancel_job(
                job,
                lambda seen: seen if seen.status.is_terminal else seen.cancel(now=at),
                self.jobs,
                self.images,
            )
            return changed.status is JobStatus.CANCELLED

        return self._scan(batch, WalkKind.CANCEL, scan, cancel, until)

    def retry_failed(self, batch: Batch, *, at: datetime, until: datetime) -> ScanProgress:
        """Retry the members that had failed when the scan started, until the time is up or the batch is paused.

        Raises BatchNotFound if the batch does not exist.
        """
        if batch.retrying is None:
            self.operations.begin_scan(batch, WalkKind.RETRY, MemberScan(started_at=at))
        return self.continue_retry(batch, batch.retrying or MemberScan(started_at=at), at=at, until=until)

    def continue_retry(self, batch: Batch, scan: MemberScan, *, at: datetime, until: datetime) -> ScanProgress:
        """Continue a retry that has started, until the time is up or the batch is paused."""

        def retry(job: Job) -> bool:
            if job.status is not JobStatus.FAILED or job.timestamp > scan.started_at:
                return False
            restart_job(job, require_retriable, self.jobs, self.queues, at=at, due_after=self.due_after)
            return True

        return self._scan(batch, WalkKind.RETRY, scan, retry, until)

    def _scan(
        self, batch: Batch, kind: WalkKind, scan: MemberScan, step: Callable[[Job], bool], until: datetime
    ) -> ScanProgress:
        """Call ``step`` for each member after the position of ``scan``, until the time is up or the scan is stopped.

        ``step`` returns True if it changed the member.
        """
        done = 0
        for jobs in self.members.chunks(batch.id, scan.after):
            for job in jobs:
                if self.clock() >= until:
                    self.operations.save_scan(batch, kind, scan)
                    return ScanProgress(done, is_over=False)
                # If the job has changed since it was read, there is nothing to do.
                with suppress(JobNotFound, JobStateError):
                    done += step(job)
                scan = replace(scan, after=job.id)
            if not self.operations.save_scan(batch, kind, scan):
                return ScanProgress(done, is_over=self._is_ended(batch, kind, scan))
        if kind is WalkKind.CANCEL and self.table.get(batch.id, batch.owner, now=self.clock()).open:
            # The index of members lags behind, or a retry has opened a member again.
            self.operations.save_scan(batch, kind, replace(scan, after=""))
            return ScanProgress(done, is_over=False)
        self.operations.end_scan(batch, kind, scan)
        return ScanProgress(done, is_over=True)

    def _is_ended(self, batch: Batch, kind: WalkKind, scan: MemberScan) -> bool:
        """Return True if a stopped scan has ended, and False if it is paused."""
        stored = self.table.get(batch.id, batch.owner, now=self.clock()).batch
        current = stored.retrying if kind is WalkKind.RETRY else stored.cancelling
        return current is None or current.started_at != scan.started_at
