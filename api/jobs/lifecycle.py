"""Job lifecycle: what an owner can do with a job after its creation, that is cancel, retry and delete it.

Each transition is one conditional write, which replaces the job record only if it has not changed since it was read.
After a conflict, the transition is applied to the newer record. Concurrent requests therefore have the same effect as
requests one after the other.

``at`` is the time of the request. A repeated request has the time of its first try. If that try already made the
transition, the repeated request finds it in the job's history.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.jobs.submission import Submitted, notify_worker
from shared.aws.dynamodb.idempotency.deletion_log import DeletionLog
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.job_deletion import erase_job
from shared.aws.s3.image_store import ImageStore
from shared.aws.sqs import JobQueues
from shared.errors import JobFinished, JobNotFound, JobNotRetriable, ServiceError, ServiceUnavailable
from shared.ids import is_id
from shared.jobs.deletion import Deletion
from shared.jobs.job import RETRIABLE, RETRIED, Job, JobStatus
from shared.jobs.job_spec import JobSpec
from shared.jobs.upload_token import UploadToken

#: Maximum number of tries if writes conflict. So many conflicts are not expected within one request.
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
        """Cancel an open job and return it. A running attempt can no longer store its result.

        Raises JobNotFound, or JobFinished if the job has ended.
        """
        job = require_unexpired(get_own_job(job_id, owner, self.jobs), at)
        if is_repeat and has_transition(job, JobStatus.CANCELLED, at):
            return job
        return cancel_job(job, lambda seen: _cancel(seen, at), self.jobs, self.images)

    def retry(
        self,
        job_id: str,
        owner: str,
        *,
        at: datetime,
        is_repeat: bool = False,
        resolve: Callable[[], JobSpec] | None = None,
    ) -> Submitted:
        """Retry a failed or cancelled job in a new generation, with the pipeline that ``resolve`` returns, if given.

        Raises JobNotFound, JobNotRetriable if the job has another status, or the errors of ``resolve``. The retry is
        accepted once the job record is written, even if its message can't be sent.
        """
        job = require_unexpired(get_own_job(job_id, owner, self.jobs), at)
        if is_repeat and has_transition(job, JobStatus.PENDING, at, RETRIED):
            # The first try may have been killed before it sent the message. A duplicate message does no harm.
            return Submitted(job, notify_worker(job, self.queues))
        return self.restart(job, require_retriable, at=at, spec=resolve() if resolve else None)

    def restart(
        self,
        job: Job,
        require: Callable[[Job], None],
        *,
        at: datetime,
        spec: JobSpec | None = None,
        code: str = RETRIED,
    ) -> Submitted:
        """Start a new generation of a job that was just read. See :func:`restart_job`."""
        return restart_job(job, require, self.jobs, self.queues, at=at, due_after=self.due_after, spec=spec, code=code)

    def delete(self, job_id: str, owner: str, *, at: datetime) -> Deletion:
        """Delete a job in any state: its raw image, the outputs of all attempts, then the job record.

        Returns a statement of what was deleted. A repeated request returns the same statement until it expires.

        First, a tombstone with a new generation replaces the job record. It rejects every claim and every result. An
        attempt that is still running then removes its own outputs. If the function is killed or S3 fails, a repeated
        request or the reconciler completes the deletion. Raises JobNotFound if there is neither a job nor a statement.
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


def cancel_job(job: Job, cancel: Callable[[Job], Job], jobs: JobTable, images: ImageStore) -> Job:
    """Cancel a job that was just read and abort its multipart upload. Return the job.

    ``cancel`` returns the cancelled job or, if it must not be cancelled, the same job or an error.
    """
    job = apply_transition(job, cancel, jobs)
    if job.status is JobStatus.CANCELLED:
        with suppress(ServiceError):  # a lifecycle rule aborts it later
            images.abort_upload(job)
    return job


def restart_job(  # noqa: PLR0913 - the job, the stores, what a retry may change
    job: Job,
    require: Callable[[Job], None],
    jobs: JobTable,
    queues: JobQueues,
    *,
    at: datetime,
    due_after: timedelta,
    spec: JobSpec | None = None,
    code: str = RETRIED,
) -> Submitted:
    """Start a new generation of a job that was just read. ``code`` is the reason, for the job's history.

    ``require`` raises an error if the job must not be restarted. Raises this error, or JobNotFound if the job has been
    deleted since it was read.
    """

    def retry(seen: Job) -> Job:
        require(seen)
        if spec is None:
            return seen.retry(now=at, due_after=due_after, code=code)
        return seen.retry(
            now=at,
            due_after=due_after,
            pipeline=spec.pipeline,
            preset=spec.preset,
            assets=spec.assets,
            code=code,
        )

    job = apply_transition(job, retry, jobs)
    return Submitted(job, notify_worker(job, queues))


def get_own_job(job_id: str, owner: str, jobs: JobTable, *, deleted: bool = False) -> Job:
    """Return one of the owner's jobs. Raises JobNotFound if the job does not exist or has another owner."""
    identifier = job_id.upper()
    if not is_id(identifier):
        raise JobNotFound
    job = jobs.get(identifier, deleted=deleted)
    if job.owner != owner:
        raise JobNotFound
    return job


def require_granted(job_id: str, grant: UploadToken | None, jobs: JobTable) -> None:
    """Raise JobNotFound if a request has an upload token, and the job was not created with it."""
    if grant is not None and get_own_job(job_id, grant.owner, jobs).token_id != grant.id:
        raise JobNotFound


def require_retriable(job: Job) -> None:
    """Raise JobNotRetriable unless the job has failed or was cancelled."""
    if job.status not in RETRIABLE:
        remedy = (
            f' For another result, create a job with "source": "job:{job.id}".'
            if job.status is JobStatus.COMPLETED
            else ""
        )
        raise JobNotRetriable(f"The job is {job.status.value}. Only a failed or cancelled job can be retried.{remedy}")


def require_unexpired(job: Job, now: datetime) -> Job:
    """Return the job, or raise JobNotFound if it has expired. DynamoDB deletes expired items with a delay."""
    if job.expires_at is not None and job.expires_at <= now:
        raise JobNotFound
    return job


def has_transition(job: Job, status: JobStatus, at: datetime, code: str | None = None) -> bool:
    """Return True if the history contains a transition to ``status`` at this time, with ``code`` if given."""
    return any((line.status, line.at) == (status, at) and code in {None, line.code} for line in job.history)


def apply_transition(job: Job, transition: Callable[[Job], Job], jobs: JobTable) -> Job:
    """Apply a transition to a job, store the new job and return it. After a conflict, apply it to the newer record.

    Raises JobNotFound if the job has been deleted since it was read, ServiceUnavailable after ``MAX_TRIES`` conflicts,
    or the errors of ``transition``.
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
