"""Accepting a job: the use case, without HTTP.

Raw image, then record, then message: each step refers only to what already exists. A crash leaves an
object that nothing names (the lifecycle rules remove it) or a PENDING job without a message (the
reconciler sends one), never a message that points at nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.http.body import Upload
from api.jobs.job_spec import Choice
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.aws.sqs import JobQueues
from shared.clock import Clock
from shared.errors import ServiceError
from shared.filenames import clean_filename
from shared.ids import new_id
from shared.jobs import object_keys
from shared.jobs.job import Job, RawImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a submission works with."""

    jobs: JobTable
    images: ImageStore
    queues: JobQueues
    clock: Clock
    due_after: timedelta
    retention: timedelta


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted job, and the fault that kept its message from being sent, if any."""

    job: Job
    send_error: ServiceError | None


def submit_job(  # noqa: PLR0913 - what, how, whose
    upload: Upload,
    choice: Choice,
    filename: str | None,
    owner: str,
    intake: Intake,
    *,
    job_id: str | None = None,
    at: datetime | None = None,
) -> Submitted:
    """Store the image, write the record, send the hint.

    ``job_id`` and ``at`` come from the Idempotency-Key, where there is one: a request that is made again
    brings those of its first try, and ends with that one's job. Raises ServiceError when the first or the
    second step fails: then there is no job, or nobody knows. Once the record is written the job is
    accepted, whatever becomes of the message.
    """
    at = at or intake.clock()
    job_id = job_id or new_id(at)
    name = clean_filename(filename) if filename else None
    raw = RawImage(
        key=object_keys.raw_key(job_id),
        size=len(upload.data),
        format=upload.image_format.name,
        digest=hashlib.sha256(upload.data).hexdigest(),
    )
    job = Job.new(
        job_id=job_id,
        filename=name or f"{job_id}.{upload.image_format.extension}",
        raw=raw,
        pipeline=choice.pipeline,
        preset=choice.preset,
        assets=choice.assets,
        webhook=choice.webhook,
        owner=owner,
        now=at,
        due_after=intake.due_after,
        retention=intake.retention,
    )
    intake.images.put_raw(raw, upload.data, upload.image_format.media_type)
    job = intake.jobs.create(job)
    return Submitted(job, send_hint(job, intake.queues))


def send_hint(job: Job, queues: JobQueues) -> ServiceError | None:
    """Send the message of a job whose record is written; return the fault that kept it from being sent."""
    try:
        queues.notify_worker(job)
    except ServiceError as error:
        return error
    return None
