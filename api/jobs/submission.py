"""Job submission: store the raw image, then write the job record, then send the message.

In this order, the job record never names a missing raw image, and the message never names a missing job. If the
function is killed after the first step, the lifecycle rules of the bucket remove the raw image. If it is killed after
the second step, the reconciler requeues the job.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.http.body import Upload
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.aws.sqs import JobQueues
from shared.clock import Clock
from shared.errors import JobNotFound, ServiceError
from shared.filenames import clean_filename
from shared.ids import new_id
from shared.jobs import object_keys
from shared.jobs.job import Job, JobStatus, RawImage
from shared.jobs.job_spec import JobSpec


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted job, and the error if its message could not be sent."""

    job: Job
    send_error: ServiceError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSubmission:
    """Creates jobs whose image is in the request body."""

    jobs: JobTable
    images: ImageStore
    queues: JobQueues
    clock: Clock
    #: How long a job can wait before the reconciler requeues it.
    due_after: timedelta
    retention: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            jobs=dependencies.jobs,
            images=dependencies.images,
            queues=dependencies.queues,
            clock=dependencies.clock,
            due_after=dependencies.due_after,
            retention=dependencies.retention,
        )

    def submit(  # noqa: PLR0913 - the image, the job, the request
        self,
        upload: Upload,
        spec: JobSpec,
        filename: str | None,
        owner: str,
        *,
        job_id: str | None = None,
        at: datetime | None = None,
    ) -> Submitted:
        """Store the image, write the job record and send the message. Return the job.

        ``job_id`` and ``at`` come from the reservation of the Idempotency-Key, if any. A repeated request has the same
        values, so it gets the same job. Raises ServiceError if the image or the job record can't be stored. The job is
        accepted once its record is written, even if its message can't be sent.
        """
        at = at or self.clock()
        job_id = job_id or new_id(at)
        name = clean_filename(filename) if filename else None
        raw = RawImage(
            key=object_keys.raw_key(job_id),
            size=len(upload.data),
            format=upload.image_format.name,
            digest=hashlib.sha256(upload.data).hexdigest(),
        )
        job = Job.new(
            spec,
            job_id=job_id,
            filename=name or f"{job_id}.{upload.image_format.extension}",
            raw=raw,
            owner=owner,
            now=at,
            due_after=self.due_after,
            retention=self.retention,
        )
        self.jobs.require_room(job)
        self.images.put_raw(raw, upload.data, upload.image_format.media_type)
        job = self.jobs.create(job)
        return Submitted(job, notify_worker(job, self.queues))


def find_created(reservation: Reservation, jobs: JobTable, queues: JobQueues) -> Submitted | None:
    """Return the job that an earlier try of a request has created, or None if there is none.

    The names in the request may have been deleted since, and the source of an import may be gone, so they are not read
    again. The earlier try may have been killed before it sent the message, so this function sends it again. Raises
    JobNotFound if the job is being deleted.
    """
    if not reservation.is_repeat:
        return None
    try:
        job = jobs.get(reservation.job_id, deleted=True)
    except JobNotFound:
        return None
    if job.deleted_at is not None:
        raise JobNotFound
    return Submitted(job, notify_worker(job, queues) if job.status is JobStatus.PENDING else None)


def notify_worker(job: Job, queues: JobQueues) -> ServiceError | None:
    """Send the message of a job whose record is written. Return the error if it could not be sent, or None."""
    try:
        queues.notify_worker(job)
    except ServiceError as error:
        return error
    return None
