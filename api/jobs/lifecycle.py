"""Job lifecycle: what an owner may do with a job after it was created. Cancel, retry, delete.

Each transition is one conditional write of a new value over the value that was read. After a conflict the step is
applied to the newer value, so concurrent requests end as if one had come after the other.

``at`` is the time of the request. A repeat of a request that died has the time of the first try, and finds its own
transition in the job's history if the first try got that far.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.jobs.submission import Submitted, notify_worker
from shared.aws.dynamodb.deletion_log import DeletionLog
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.job_deletion import erase_job
from shared.aws.s3.image_store import ImageStore
from shared.aws.sqs import JobQueues
from shared.errors import JobFinished, JobNotFound, JobNotRetriable, ServiceUnavailable
from shared.ids import is_id
from shared.jobs.deletion import Deletion
from shared.jobs.job import RETRIABLE, RETRIED, Job, JobStatus
from shared.jobs.job_spec import JobSpec

#: Conflicting writes before a transition gives up. More never happen within one request.
MAX_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLifecycle:
    """Cancels, retries and deletes jobs."""

    jobs: JobTable
    images: ImageStore
    queues: JobQueues
    deletions: DeletionLog
    due_after: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            jobs=dependencies.jobs,
            images=dependencies.images,
            queues=dependencies.queues,
            deletions=dependencies.deletions,
            due_after=dependencies.due_after,
        )

    def cancel(self, job_id: str, owner: str, *, at: datetime, is_repeat: bool = False) -> Job:
        """Cancel an open job. A running attempt can no longer commit.

        Raises JobNotFound, or JobFinished if the job has ended.
        """
        job = require_unexpired(get_own_job(job_id, owner, self.jobs), at)
        if is_repeat and has_transition(job, JobStatus.CANCELLED, at):
            return job
        return apply_transition(job, lambda seen: _cancel(seen, at), self.jobs)

    def retry(
        self, job_id: str, owner: str, *, at: datetime, is_repeat: bool = False, spec: JobSpec | None = None
    ) -> Submitted:
        """Retry a failed or cancelled job in a new generation, with the pipeline of ``spec`` if given.

        Raises JobNotFound, or JobNotRetriable in every other state. Once the record is written the retry is accepted,
        even if its message is not sent.
        """
        job = require_unexpired(get_own_job(job_id, owner, self.jobs), at)
        if is_repeat and has_transition(job, JobStatus.PENDING, at, RETRIED):
            # The first try may have died before it sent the message. A duplicate does no harm.
            return Submitted(job, notify_worker(job, self.queues))
        return self.restart(job, require_retriable, at=at, spec=spec)

    def restart(
        self,
        job: Job,
        require: Callable[[Job], None],
        *,
        at: datetime,
        spec: JobSpec | None = None,
        code: str = RETRIED,
    ) -> Submitted:
        """Start a new generation of a job that was just read. ``code`` names the reason in its history.

        ``require`` raises an error for a job that must not be restarted. Raises that error, or JobNotFound if the job
        was deleted meanwhile.
        """

        def retry(seen: Job) -> Job:
            require(seen)
            if spec is None:
                return seen.retry(now=at, due_after=self.due_after, code=code)
            return seen.retry(
                now=at,
                due_after=self.due_after,
                pipeline=spec.pipeline,
                preset=spec.preset,
                assets=spec.assets,
                code=code,
            )

        job = apply_transition(job, retry, self.jobs)
        return Submitted(job, notify_worker(job, self.queues))

    def delete(self, job_id: str, owner: str, *, at: datetime) -> Deletion:
        """Delete a job in any state: its raw image, the outputs of all attempts, then its record.

        Returns a statement of what was deleted. A repeated request returns the same statement while it is retained.

        First the record becomes a tombstone of a new generation, which rejects every claim and commit. An attempt
        that still runs then removes its own outputs. If the deletion dies or S3 fails, a repeated request or the
        reconciler completes it. Raises JobNotFound if there is neither a job nor a statement.
        """
        try:
            job = get_own_job(job_id, owner, self.jobs, deleted=True)
            if job.deleted_at is None:
                job = apply_transition(job, lambda seen: _delete(seen, at, self.due_after), self.jobs)
        except JobNotFound:
            stated = self.deletions.find(job_id.upper(), owner, now=at)
            if stated is None:
                raise
            return stated
        return erase_job(job, self.jobs, self.images, self.deletions)


def get_own_job(job_id: str, owner: str, jobs: JobTable, *, deleted: bool = False) -> Job:
    """Return a job of the owner. Raises JobNotFound for a missing job and for the job of another owner alike."""
    identifier = job_id.upper()
    if not is_id(identifier):
        raise JobNotFound
    job = jobs.get(identifier, deleted=deleted)
    if job.owner != owner:
        raise JobNotFound
    return job


def require_retriable(job: Job) -> None:
    """Raise JobNotRetriable for a job that has neither failed nor been cancelled."""
    if job.status not in RETRIABLE:
        raise JobNotRetriable(f"The job is {job.status.value}; only a failed or cancelled job can be retried.")


def require_unexpired(job: Job, now: datetime) -> Job:
    """Return the job, or raise JobNotFound if its retention has ended. DynamoDB deletes expired items late."""
    if job.expires_at is not None and job.expires_at <= now:
        raise JobNotFound
    return job


def has_transition(job: Job, status: JobStatus, at: datetime, code: str | None = None) -> bool:
    """Return True if the history contains the transition that a request made at this time."""
    return any((line.status, line.at) == (status, at) and code in {None, line.code} for line in job.history)


def apply_transition(job: Job, transition: Callable[[Job], Job], jobs: JobTable) -> Job:
    """Apply a transition and store the result. After a conflict, apply it to the newer value.

    Raises JobNotFound if the job was deleted meanwhile, or ServiceUnavailable after ``MAX_TRIES`` conflicts.
    """
    for _ in range(MAX_TRIES):
        changed = transition(job)
        if changed is job:
            return job
        stored = jobs.transition(job, changed)
        if stored is changed:
            return changed
        if stored.deleted_at is not None and changed.deleted_at is None:
            raise JobNotFound
        job = stored
    raise ServiceUnavailable


def _delete(job: Job, at: datetime, due_after: timedelta) -> Job:
    return job.delete(now=at, due_at=at + due_after) if job.deleted_at is None else job


def _cancel(job: Job, at: datetime) -> Job:
    if job.status.is_terminal:
        raise JobFinished(f"The job has already ended as {job.status.value}.")
    return job.cancel(now=at)
