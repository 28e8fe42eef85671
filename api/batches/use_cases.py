"""Use cases of batches: create, close, cancel, retry failed members. ``api.batches.members`` creates members."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.jobs.imports import Imports
from api.jobs.lifecycle import JobLifecycle, apply_transition, require_retriable
from api.uploads.use_cases import Uploads
from shared.aws.dynamodb.batch_members import BatchMembers
from shared.aws.dynamodb.batch_table import BatchTable
from shared.clock import Clock
from shared.errors import (
    BatchClosed,
    BatchNotFound,
    JobNotFound,
    JobStateError,
)
from shared.ids import is_id
from shared.jobs.backfill import Backfill
from shared.jobs.batch import Batch, BatchState, MemberScan
from shared.jobs.job import Job, JobStatus
from shared.jobs.job_spec import JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """What batches work with."""

    batches: BatchTable
    members: BatchMembers
    uploads: Uploads
    imports: Imports
    lifecycle: JobLifecycle
    clock: Clock
    retention: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            batches=dependencies.batches,
            members=dependencies.members,
            uploads=Uploads.of(dependencies),
            imports=Imports.of(dependencies),
            lifecycle=JobLifecycle.of(dependencies),
            clock=dependencies.clock,
            retention=dependencies.retention,
        )


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a walk through the members has come."""

    #: Members that this call has moved.
    done: int
    is_over: bool


def make_batch(  # noqa: PLR0913 - what, whose, when
    name: str | None,
    spec: JobSpec,
    owner: str,
    hall: Hall,
    *,
    batch_id: str,
    at: datetime,
    backfill: Backfill | None = None,
) -> Batch:
    """Write a new batch without members."""
    batch = Batch(
        id=batch_id,
        owner=owner,
        name=name,
        created_at=at,
        **spec.spec_fields(),
        backfill=backfill,
        expires_at=(at + hall.retention).replace(microsecond=0),
    )
    hall.batches.create(batch)
    return batch


def own_batch(batch_id: str, owner: str, hall: Hall) -> BatchState:
    """Read a batch of the owner's with its counts. Raises BatchNotFound."""
    identifier = batch_id.upper()
    if not is_id(identifier):
        raise BatchNotFound
    return hall.batches.get(identifier, owner, now=hall.clock())


def close(batch_id: str, hall: Hall, *, at: datetime) -> None:
    """Let a batch take no more members. Raises BatchNotFound."""
    hall.batches.close(batch_id, at=at)


def demand_open(standing: BatchState, *, again: bool) -> None:
    """Raise BatchClosed, unless the request is made again: then it may have closed the batch itself."""
    if standing.batch.closed_at is not None and not again:
        raise BatchClosed


def cancel_members(batch: Batch, hall: Hall, *, at: datetime, until: datetime) -> Walked:
    """End members that have not ended, until the time is up; the next call goes on there."""
    walk = batch.cancelling or MemberScan(started_at=at)

    def cancel(job: Job) -> bool:
        if job.status.is_terminal:
            return False
        after = apply_transition(
            job, lambda seen: seen if seen.status.is_terminal else seen.cancel(now=at), hall.lifecycle.jobs
        )
        return after.status is JobStatus.CANCELLED

    return _walk(batch, "Cancelling", walk, cancel, hall, until)


def retry_members(batch: Batch, hall: Hall, *, at: datetime, until: datetime) -> Walked:
    """Begin members again that had failed when the walk began, until the time is up; the next call goes on there."""
    walk = batch.retrying or MemberScan(started_at=at)

    def retry(job: Job) -> bool:
        if job.status is not JobStatus.FAILED or job.timestamp > walk.started_at:
            return False
        hall.lifecycle.restart(job, require_retriable, at=at)
        return True

    return _walk(batch, "Retrying", walk, retry, hall, until)


def _walk(  # noqa: PLR0913, PLR0917 - which walk, what at each step, until when
    batch: Batch, name: str, walk: MemberScan, step: Callable[[Job], bool], hall: Hall, until: datetime
) -> Walked:
    done = 0
    for jobs in hall.members.chunks(batch.id, walk.after):
        for job in jobs:
            if hall.clock() >= until:
                hall.batches.save_scan(batch.id, name, walk)
                return Walked(done, is_over=False)
            with suppress(JobNotFound, JobStateError):  # moved by somebody else meanwhile: nothing is left to do
                done += step(job)
            walk = MemberScan(started_at=walk.started_at, after=job.id)
    hall.batches.save_scan(batch.id, name, None)
    return Walked(done, is_over=True)
