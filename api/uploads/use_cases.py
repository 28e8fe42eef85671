"""Direct uploads: announce, hand out forms, confirm. The use cases, without HTTP.

The record is written before anybody gets a form, so bytes never arrive for a job that is not there yet. S3's event
is the job's message; a confirmation does the same for whoever does not want to rely on it, and either may come
twice or not at all: the reconciler looks for the bytes once more before it lets a job expire.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.jobs.job_spec import Choice
from api.jobs.lifecycle import living, moved, own_job
from api.jobs.submission import Submitted, send_hint
from api.uploads.schemas import UploadRequest
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.upload_forms import UploadForm
from shared.aws.sqs import JobQueues
from shared.clock import Clock
from shared.errors import NotAwaitingUpload, UploadIncomplete
from shared.filenames import clean_filename
from shared.jobs import object_keys
from shared.jobs.job import Job, JobStatus, RawImage

#: From the end of a form to the end of its job: S3 checks a form when an upload begins, and 100 MB take a while.
GRACE = timedelta(minutes=10)
LEAST_LIFETIME = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """What uploads work with."""

    jobs: JobTable
    images: ImageStore
    queues: JobQueues
    clock: Clock
    #: Of a form.
    lifetime: timedelta
    max_bytes: int
    due_after: timedelta
    retention: timedelta


def announced(  # noqa: PLR0913 - what, how, whose, when
    request: UploadRequest,
    choice: Choice,
    owner: str,
    ramp: Ramp,
    *,
    job_id: str,
    at: datetime,
    batch_id: str | None = None,
) -> Job:
    """Return the job of bytes that are still to come; nothing is written.

    Raises UnsupportedImageType or TooManyBytes.
    """
    declaration = request.declaration(ramp.max_bytes)
    name = clean_filename(request.filename) if request.filename else None
    return Job.new(
        job_id=job_id,
        filename=name or f"{job_id}.{declaration.extension}",
        raw=RawImage(key=object_keys.direct_key(job_id, bulk=batch_id is not None)),
        pipeline=choice.pipeline,
        preset=choice.preset,
        assets=choice.assets,
        webhook=choice.webhook,
        owner=owner,
        now=at,
        due_after=ramp.lifetime + GRACE,
        retention=ramp.retention,
        declaration=declaration,
        batch_id=batch_id,
    )


def form_for(job: Job, ramp: Ramp) -> UploadForm | None:
    """Sign a form that ends when the record says; None where the job awaits nothing, or its time is over.

    However often it is signed, it ends at the same moment: an answer can be given again without keeping a form.
    """
    if job.status is not JobStatus.AWAITING_UPLOAD or job.due_at is None:
        return None
    now = ramp.clock()
    lifetime = job.due_at - GRACE - now
    if lifetime < LEAST_LIFETIME:
        return None
    return ramp.images.form(job, max_bytes=ramp.max_bytes, lifetime=lifetime, now=now)


def renew(job_id: str, owner: str, ramp: Ramp) -> Job:
    """Give an upload its full time again. Raises JobNotFound, or NotAwaitingUpload."""
    now = ramp.clock()

    def step(seen: Job) -> Job:
        if seen.status is not JobStatus.AWAITING_UPLOAD:
            raise NotAwaitingUpload(f"The job is {seen.status.value}.")
        return seen.extend_upload(now=now, due_at=now + ramp.lifetime + GRACE)

    return moved(living(own_job(job_id, owner, ramp.jobs), now), step, ramp.jobs)


def confirm(job_id: str, owner: str, ramp: Ramp) -> Submitted:
    """Accept a job whose bytes are in the bucket, as S3's event does; one that has moved on stays as it is.

    Raises JobNotFound, or UploadIncomplete while the bytes are not there.
    """
    now = ramp.clock()
    job = living(own_job(job_id, owner, ramp.jobs), now)
    if job.status is not JobStatus.AWAITING_UPLOAD:
        return Submitted(job, None)
    size = ramp.images.get_size(job.raw.key)
    if size is None:
        raise UploadIncomplete(retry_after_seconds=1)

    def step(seen: Job) -> Job:
        if seen.status is not JobStatus.AWAITING_UPLOAD:
            return seen
        return seen.confirm_upload(size=size, now=now, due_at=now + ramp.due_after)

    job = moved(job, step, ramp.jobs)
    return Submitted(job, send_hint(job, ramp.queues) if job.status is JobStatus.PENDING else None)
