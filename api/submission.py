"""Accepting a job: the use case, without HTTP.

Raw image, then record, then message: each step refers only to what already exists. A crash leaves an
object that nothing names (the lifecycle rules remove it) or a PENDING job without a message (the
reconciler sends one), never a message that points at nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from api.body import Upload
from shared import keys
from shared.aws.image_store import ImageStore
from shared.aws.job_queue import JobQueue
from shared.aws.job_table import JobTable
from shared.clock import Clock
from shared.errors import ServiceError
from shared.filenames import clean_filename
from shared.ids import new_id
from shared.jobs import Job, RawImage
from shared.messages import JobMessage
from shared.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a submission works with."""

    jobs: JobTable
    images: ImageStore
    queue: JobQueue
    clock: Clock
    due_after: timedelta
    keep_for: timedelta


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted job, and the fault that kept its message from being sent, if any."""

    job: Job
    send_error: ServiceError | None


def submit_job(upload: Upload, pipeline: Pipeline, filename: str | None, owner: str, intake: Intake) -> Submitted:
    """Store the picture, write the record, send the hint.

    Raises ServiceError when the first or the second fails: then there is no job. Once the record is
    written the job is accepted, whatever becomes of the message.
    """
    at = intake.clock()
    job_id = new_id(at)
    name = clean_filename(filename) if filename else None
    raw = RawImage(
        key=keys.raw_key(job_id),
        size=len(upload.data),
        format=upload.image_format.name,
        digest=hashlib.sha256(upload.data).hexdigest(),
    )
    job = Job.new(
        job_id=job_id,
        filename=name or f"{job_id}.{upload.image_format.extension}",
        raw=raw,
        pipeline=pipeline,
        owner=owner,
        now=at,
        due_after=intake.due_after,
        keep_for=intake.keep_for,
    )
    intake.images.put_raw(raw, upload.data, upload.image_format.media_type)
    intake.jobs.create(job)
    try:
        intake.queue.send(JobMessage(job_id=job.id, generation=job.generation))
    except ServiceError as error:
        return Submitted(job, error)
    return Submitted(job, None)
