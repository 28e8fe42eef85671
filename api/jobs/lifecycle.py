"""What the owner of a job may do to it afterwards: cancel, retry, delete. The use cases, without HTTP.

Each is one conditional write of a new value over the one that was read. Where another write came
between, the step is tried again on what is there now, so a race ends as if one had come after the other.

``at`` is the moment of the request. One that is made ``again``, because its first try died before it
answered, brings the moment of that try, and finds its own line in the job's history if it got so far.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.jobs.job_spec import Choice
from api.jobs.submission import Submitted, send_hint
from shared.aws.dynamodb.deletion_log import DeletionLog
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.job_deletion import erase_job
from shared.aws.s3.image_store import ImageStore
from shared.aws.sqs import JobQueues
from shared.errors import JobFinished, JobNotFound, JobNotRetriable, ServiceUnavailable
from shared.ids import is_id
from shared.jobs.deletion import Deletion
from shared.jobs.job import RETRIABLE, RETRIED, Job, JobStatus

#: Writes that may come between; a job has never so many in the time of a request.
MAX_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the use cases work with."""

    jobs: JobTable
    images: ImageStore
    queues: JobQueues
    deletions: DeletionLog
    due_after: timedelta


def own_job(job_id: str, owner: str, jobs: JobTable, *, deleted: bool = False) -> Job:
    """Read a job of the owner's. Raises JobNotFound; another's is not told from one that does not exist."""
    identifier = job_id.upper()
    if not is_id(identifier):
        raise JobNotFound
    job = jobs.get(identifier, deleted=deleted)
    if job.owner != owner:
        raise JobNotFound
    return job


def cancel_job(job_id: str, owner: str, desk: Desk, *, at: datetime, again: bool = False) -> Job:
    """End a job that has not ended; a running attempt can't commit any more.

    Raises JobNotFound, or JobFinished when it has ended already.
    """
    job = living(own_job(job_id, owner, desk.jobs), at)
    if again and has_line(job, JobStatus.CANCELLED, at):
        return job
    return moved(job, lambda seen: _cancelled(seen, at), desk.jobs)


def retry_job(  # noqa: PLR0913 - which job, whose, how
    job_id: str,
    owner: str,
    desk: Desk,
    *,
    at: datetime,
    again: bool = False,
    choice: Choice | None = None,
) -> Submitted:
    """Begin a failed or cancelled job again in a new generation, with another pipeline if one is given.

    Raises JobNotFound, or JobNotRetriable in every other state. Once the record is written the retry is
    accepted, whatever becomes of the message.
    """
    job = living(own_job(job_id, owner, desk.jobs), at)
    if again and has_line(job, JobStatus.PENDING, at, RETRIED):
        # The message may be what the first try did not come to; one too many does no harm.
        return Submitted(job, send_hint(job, desk.queues))
    return begin_again(job, desk, demand_retriable, at=at, choice=choice)


def begin_again(  # noqa: PLR0913 - which job, when, how
    job: Job,
    desk: Desk,
    demand: Callable[[Job], None],
    *,
    at: datetime,
    choice: Choice | None = None,
    code: str = RETRIED,
) -> Submitted:
    """Begin a job again that was just read; ``demand`` raises for a state in which that may not be.

    Raises what ``demand`` raises, and JobNotFound when the job is deleted meanwhile.
    """

    def step(seen: Job) -> Job:
        demand(seen)
        if choice is None:
            return seen.retry(now=at, due_after=desk.due_after, code=code)
        return seen.retry(
            now=at,
            due_after=desk.due_after,
            pipeline=choice.pipeline,
            preset=choice.preset,
            assets=choice.assets,
            code=code,
        )

    job = moved(job, step, desk.jobs)
    return Submitted(job, send_hint(job, desk.queues))


def delete_job(job_id: str, owner: str, desk: Desk, *, at: datetime) -> Deletion:
    """Erase a job in any state: its raw image, what every attempt has stored, and at last its record.

    Returns the statement of what went; asked once more, the same one, as long as it is kept.

    First the record becomes a tombstone of a new generation, which every claim and commit is refused by; so
    an attempt that still runs removes by itself what it stores from then on. Died half-way or refused by
    S3, the deletion goes on when it is asked for again, and in any case when the reconciler finds the tombstone.
    Raises JobNotFound when there is neither a job nor a statement.
    """
    try:
        job = own_job(job_id, owner, desk.jobs, deleted=True)
        if job.deleted_at is None:
            job = moved(job, lambda seen: _deleted(seen, at, desk), desk.jobs)
    except JobNotFound:
        stated = desk.deletions.find(job_id.upper(), owner, now=at)
        if stated is None:
            raise
        return stated
    return erase_job(job, desk.jobs, desk.images, desk.deletions)


def demand_retriable(job: Job) -> None:
    """Raise JobNotRetriable for a job that has neither failed nor been cancelled."""
    if job.status not in RETRIABLE:
        raise JobNotRetriable(f"The job is {job.status.value}; only a failed or cancelled one can be retried.")


def _deleted(job: Job, at: datetime, desk: Desk) -> Job:
    return job.delete(now=at, due_at=at + desk.due_after) if job.deleted_at is None else job


def _cancelled(job: Job, at: datetime) -> Job:
    if job.status.is_terminal:
        raise JobFinished(f"The job has ended already, as {job.status.value}.")
    return job.cancel(now=at)


def living(job: Job, now: datetime) -> Job:
    """Let a job pass whose retention is not over: DynamoDB removes the others late."""
    if job.expires_at is not None and job.expires_at <= now:
        raise JobNotFound
    return job


def has_line(job: Job, status: JobStatus, at: datetime, code: str | None = None) -> bool:
    """Tell whether the request of this moment has already been done to a job."""
    return any((line.status, line.at) == (status, at) and code in {None, line.code} for line in job.history)


def moved(job: Job, step: Callable[[Job], Job], jobs: JobTable) -> Job:
    """Take a step and store it, on what is there by then if others were faster."""
    for _ in range(MAX_TRIES):
        moved = step(job)
        if moved is job:
            return job
        stored = jobs.transition(job, moved)
        if stored is moved:
            return moved
        if stored.deleted_at is not None and moved.deleted_at is None:
            raise JobNotFound
        job = stored
    raise ServiceUnavailable
