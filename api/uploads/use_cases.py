"""Direct uploads: announce, sign forms, confirm.

The record is written before the caller gets a form, so bytes never arrive for a job that does not exist. The S3 event
is the job's message. A confirmation has the same effect for callers that do not rely on the event. Either may come
twice or be lost: before a job expires, the reconciler checks for its bytes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.http.links import Links
from api.jobs.lifecycle import apply_transition, get_own_job, require_unexpired
from api.jobs.submission import Submitted, notify_worker
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
from shared.jobs.job_spec import JobSpec

#: Time from a form's expiry to its job's. S3 checks a form when an upload starts, and 100 MB take a while.
GRACE = timedelta(minutes=10)
MIN_LIFETIME = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Creates jobs whose bytes the caller sends to S3."""

    jobs: JobTable
    images: ImageStore
    queues: JobQueues
    clock: Clock
    #: How long a form is valid.
    lifetime: timedelta
    max_bytes: int
    due_after: timedelta
    retention: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies, links: Links | None = None) -> Self:
        """Return the use case with the API's dependencies. With ``links``, forms lead to the host of the request."""
        return cls(
            jobs=dependencies.jobs,
            images=dependencies.images_for(links) if links else dependencies.images,
            queues=dependencies.queues,
            clock=dependencies.clock,
            lifetime=timedelta(seconds=dependencies.settings.upload_seconds),
            max_bytes=dependencies.settings.max_raw_bytes,
            due_after=dependencies.due_after,
            retention=dependencies.retention,
        )

    def announce(self, request: UploadRequest, spec: JobSpec, owner: str, *, job_id: str, at: datetime) -> Submitted:
        """Create a job that awaits its bytes. Raises UnsupportedImageType or TooManyBytes."""
        return Submitted(self.jobs.create(self.build_job(request, spec, owner, job_id=job_id, at=at)))

    def build_job(  # noqa: PLR0913 - the upload, the job, the request
        self,
        request: UploadRequest,
        spec: JobSpec,
        owner: str,
        *,
        job_id: str,
        at: datetime,
        batch_id: str | None = None,
    ) -> Job:
        """Return a job that awaits its bytes, without writing it. Raises UnsupportedImageType or TooManyBytes."""
        declaration = request.declaration(self.max_bytes)
        name = clean_filename(request.filename) if request.filename else None
        return Job.new(
            spec,
            job_id=job_id,
            filename=name or f"{job_id}.{declaration.extension}",
            raw=RawImage(key=object_keys.direct_key(job_id, bulk=batch_id is not None)),
            owner=owner,
            now=at,
            due_after=self.lifetime + GRACE,
            retention=self.retention,
            declaration=declaration,
            batch_id=batch_id,
        )

    def sign_form(self, job: Job) -> UploadForm | None:
        """Return a signed form, or None if the job awaits no bytes or its form has expired.

        Every form of a job expires at the same recorded time, so a replayed response needs no stored form.
        """
        if job.status is not JobStatus.AWAITING_UPLOAD or job.due_at is None:
            return None
        now = self.clock()
        lifetime = job.due_at - GRACE - now
        if lifetime < MIN_LIFETIME:
            return None
        return self.images.form(job, max_bytes=self.max_bytes, lifetime=lifetime, now=now)

    def renew(self, job_id: str, owner: str) -> Job:
        """Give an upload its full time again. Raises JobNotFound or NotAwaitingUpload."""
        now = self.clock()

        def extend(seen: Job) -> Job:
            if seen.status is not JobStatus.AWAITING_UPLOAD:
                raise NotAwaitingUpload(f"The job is {seen.status.value}.")
            return seen.extend_upload(now=now, due_at=now + self.lifetime + GRACE)

        job = require_unexpired(get_own_job(job_id, owner, self.jobs), now)
        return apply_transition(job, extend, self.jobs)

    def confirm(self, job_id: str, owner: str) -> Submitted:
        """Accept a job whose bytes are in the bucket, as the S3 event does. A later state stays as it is.

        Raises JobNotFound, or UploadIncomplete while the bytes are missing.
        """
        now = self.clock()
        job = require_unexpired(get_own_job(job_id, owner, self.jobs), now)
        if job.status is not JobStatus.AWAITING_UPLOAD:
            return Submitted(job)
        size = self.images.get_size(job.raw.key)
        if size is None:
            raise UploadIncomplete(retry_after_seconds=1)

        def confirm(seen: Job) -> Job:
            if seen.status is not JobStatus.AWAITING_UPLOAD:
                return seen
            return seen.confirm_upload(size=size, now=now, due_at=now + self.due_after)

        job = apply_transition(job, confirm, self.jobs)
        return Submitted(job, notify_worker(job, self.queues) if job.status is JobStatus.PENDING else None)
