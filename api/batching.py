"""Batches: make, fill, close, cancel, retry what failed. The use cases, without HTTP.

IDs of members are made from an ID that the request's Idempotency-Key has reserved, so a request that died half-way
and comes again makes exactly the members that are missing.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from api.batch_request import read_member
from api.choosing import Choice, Library, choose, find_webhook
from api.lifecycle import Desk, begin_again, demand_retriable, moved
from api.uploading import Ramp, announced
from shared.aws.batch_members import BatchMembers
from shared.aws.batch_table import BatchTable
from shared.batches import Batch, Round, Standing, member_id
from shared.clock import Clock
from shared.errors import (
    BatchClosed,
    BatchNotFound,
    JobNotFound,
    JobStateError,
    PipelineUnreadable,
    SafelightError,
    ServiceError,
)
from shared.ids import is_id
from shared.jobs import Job, JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """What batches work with."""

    batches: BatchTable
    members: BatchMembers
    ramp: Ramp
    desk: Desk
    clock: Clock
    keep_for: timedelta


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of the members of a request: for each a job, or why there is none."""

    batch_id: str
    jobs: tuple[Job | SafelightError, ...]


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a walk through the members has come."""

    done: int
    """Members that this call has moved."""
    is_over: bool


def make_batch(  # noqa: PLR0913 - what, whose, when
    name: str | None, choice: Choice, owner: str, hall: Hall, *, batch_id: str, at: datetime
) -> Batch:
    """Write a new batch without members."""
    batch = Batch(
        id=batch_id,
        owner=owner,
        name=name,
        created_at=at,
        pipeline=choice.pipeline,
        preset=choice.preset,
        assets=choice.assets,
        webhook=choice.webhook,
        expires_at=(at + hall.keep_for).replace(microsecond=0),
    )
    hall.batches.create(batch)
    return batch


def own_batch(batch_id: str, owner: str, hall: Hall) -> Standing:
    """Read a batch of the owner's with its counts. Raises BatchNotFound."""
    identifier = batch_id.upper()
    if not is_id(identifier):
        raise BatchNotFound
    return hall.batches.get(identifier, owner, now=hall.clock())


def fill(  # noqa: PLR0913 - what, where, whose, when
    items: Sequence[dict[str, object]], batch: Batch, library: Library, hall: Hall, *, seed: str, at: datetime
) -> Filled:
    """Make members. One that can't be is an error in its place and does not spoil the others.

    ``seed`` is the ID that the request has reserved, ``at`` its moment. Raises BatchClosed or ServiceError.
    """
    looked_up = Library(
        find_preset=cache(library.find_preset),
        find_asset=cache(library.find_asset),
        find_webhook=cache(library.find_webhook),
    )
    made: list[Job | SafelightError] = []
    for index, fields in enumerate(items):
        try:
            made.append(_member(fields, batch, looked_up, hall, job_id=member_id(seed, at, index), at=at))
        except ServiceError:
            raise
        except SafelightError as error:
            made.append(error)
    jobs = [job for job in made if isinstance(job, Job)]
    if jobs:
        hall.batches.append(batch.id, jobs, expires_at=at + hall.keep_for)
    return Filled(batch.id, tuple(made))


def close(batch_id: str, hall: Hall, *, at: datetime) -> None:
    """Let a batch take no more members. Raises BatchNotFound."""
    hall.batches.close(batch_id, at=at)


def demand_open(standing: Standing, *, again: bool) -> None:
    """Raise BatchClosed, unless the request is made again: then it may have closed the batch itself."""
    if standing.batch.closed_at is not None and not again:
        raise BatchClosed


def cancel_members(batch: Batch, hall: Hall, *, at: datetime, until: datetime) -> Walked:
    """End members that have not ended, until the time is up; the next call goes on there."""
    walk = batch.cancelling or Round(started_at=at)

    def cancel(job: Job) -> bool:
        if job.status.is_terminal:
            return False
        after = moved(job, lambda seen: seen if seen.status.is_terminal else seen.cancelled(now=at), hall.desk.jobs)
        return after.status is JobStatus.CANCELLED

    return _walk(batch, "Cancelling", walk, cancel, hall, until)


def retry_members(batch: Batch, hall: Hall, *, at: datetime, until: datetime) -> Walked:
    """Begin members again that had failed when the walk began, until the time is up; the next call goes on there."""
    walk = batch.retrying or Round(started_at=at)

    def retry(job: Job) -> bool:
        if job.status is not JobStatus.FAILED or job.timestamp > walk.started_at:
            return False
        begin_again(job, hall.desk, demand_retriable, at=at)
        return True

    return _walk(batch, "Retrying", walk, retry, hall, until)


def _walk(  # noqa: PLR0913, PLR0917 - which walk, what at each step, until when
    batch: Batch, name: str, walk: Round, step: Callable[[Job], bool], hall: Hall, until: datetime
) -> Walked:
    done = 0
    for jobs in hall.members.chunks(batch.id, walk.after):
        for job in jobs:
            if hall.clock() >= until:
                hall.batches.walked(batch.id, name, walk)
                return Walked(done, is_over=False)
            with suppress(JobNotFound, JobStateError):  # moved by somebody else meanwhile: nothing is left to do
                done += step(job)
            walk = Round(started_at=walk.started_at, after=job.id)
    hall.batches.walked(batch.id, name, None)
    return Walked(done, is_over=True)


def _member(  # noqa: PLR0913 - what, where, when
    fields: dict[str, object], batch: Batch, library: Library, hall: Hall, *, job_id: str, at: datetime
) -> Job:
    request = read_member(fields)
    webhook = find_webhook(request.webhook, library) or batch.webhook
    if request.has_options:
        choice = replace(choose(request, library), webhook=webhook)
    elif batch.pipeline is None:
        raise PipelineUnreadable
    else:
        choice = Choice(batch.pipeline, batch.preset, batch.assets, webhook)
    return announced(request, choice, batch.owner, hall.ramp, job_id=job_id, at=at, batch_id=batch.id)
