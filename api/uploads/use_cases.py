"""Direct uploads: create jobs, sign forms and requests, start multipart uploads, confirm uploads.

The job record is written before the caller gets a form, so a file never arrives for a job that does not exist. The
event that S3 sends for the file is the message of the job. A confirmation has the same effect as the event. Both may be
duplicated or lost. Before a job expires, the reconciler therefore checks whether its file has arrived.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.http.links import Links
from api.jobs.lifecycle import apply_transition, get_own_job, require_unexpired
from api.jobs.submission import Submitted, notify_worker
from api.uploads.schemas import Instructions, MultipartView, UploadRequest, UploadView
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
from shared.jobs.upload_declaration import UploadMethod
from shared.pipeline.limits import Limits

#: Time from the expiry of a form to the expiry of its job. S3 checks a form only when the upload starts.
GRACE = timedelta(minutes=10)
MIN_LIFETIME = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Creates jobs whose image the caller sends to S3."""

    jobs: JobTable
    images: ImageStore
    queues: JobQueues
    clock: Clock
    #: How long a form is valid.
    lifetime: timedelta
    #: How long a multipart upload can be continued.
    multipart_lifetime: timedelta
    #: Limits of the worker.
    limits: Limits
    due_after: timedelta
    retention: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies, links: Links | None = None) -> Self:
        """Return the use case with the API's dependencies. With ``links``, forms can use the host of the request."""
        return cls(
            jobs=dependencies.jobs,
            images=dependencies.images_for(links) if links else dependencies.images,
            queues=dependencies.queues,
            clock=dependencies.clock,
            lifetime=timedelta(seconds=dependencies.settings.upload_seconds),
            multipart_lifetime=timedelta(days=dependencies.settings.multipart_days),
            limits=dependencies.limits,
            due_after=dependencies.due_after,
            retention=dependencies.retention,
        )

    def announce(self, request: UploadRequest, spec: JobSpec, owner: str, *, job_id: str, at: datetime) -> Submitted:
        """Create a job that awaits an upload.

        Raises UnsupportedImageType or TooManyBytes if the declared file is not allowed.
        """
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
        """Return a job that awaits an upload, without writing it.

        Raises UnsupportedImageType or TooManyBytes if the declared file is not allowed.
        """
        declaration = request.declaration(self.limits)
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

    def instruct(self, job: Job, *, start: bool = False) -> Instructions:
        """Return how the caller sends the file, depending on the method of the job. Empty if it is not awaited.

        ``start`` starts a multipart upload. Without it, its ID is missing, so that a batch needs no call for each
        member.
        """
        declaration, now = job.declaration, self.clock()
        if declaration is None or job.status is not JobStatus.AWAITING_UPLOAD:
            return Instructions()
        if declaration.plan is not None:
            ends = job.uploaded_at + self.multipart_lifetime
            if now >= ends:
                return Instructions()
            upload_id = self.images.multipart.start(job.raw.key, declaration.media_type) if start else None
            return Instructions(multipart=MultipartView.of(declaration.plan, upload_id, ends))
        if declaration.method is UploadMethod.POST or declaration.size is None:
            return Instructions(upload=UploadView.of(self.sign_form(job)))
        if (lifetime := self.remaining(job, now)) < MIN_LIFETIME:
            return Instructions()
        signed = self.images.sign_put(job, lifetime=lifetime)
        return Instructions.of_put(signed, size=declaration.size, expires_at=now + lifetime)

    def remaining(self, job: Job, now: datetime) -> timedelta:
        """Return for how long the caller may start to send the file."""
        return job.due_at - GRACE - now if job.due_at is not None else timedelta(0)

    def sign_form(self, job: Job) -> UploadForm | None:
        """Return a signed form, or None if the job does not await an upload or its form has expired.

        The job record contains the time at which the form expires. A repeated request can therefore sign an equal form.
        """
        if job.status is not JobStatus.AWAITING_UPLOAD or job.due_at is None:
            return None
        now = self.clock()
        lifetime = self.remaining(job, now)
        if lifetime < MIN_LIFETIME:
            return None
        return self.images.form(job, max_bytes=self.limits.max_bytes, lifetime=lifetime, now=now)

    def renew(self, job_id: str, owner: str) -> Job:
        """Extend the time for an upload to its full length again, and return the job.

        A multipart upload has a fixed time, which is longer.

        Raises JobNotFound, or NotAwaitingUpload if the job does not await an upload.
        """
        now = self.clock()

        def extend(seen: Job) -> Job:
            if seen.status is not JobStatus.AWAITING_UPLOAD:
                raise NotAwaitingUpload(f"The job is {seen.status.value}.")
            if seen.is_multipart:
                return seen
            return seen.extend_upload(now=now, due_at=now + self.lifetime + GRACE)

        job = require_unexpired(get_own_job(job_id, owner, self.jobs), now)
        return apply_transition(job, extend, self.jobs)

    def confirm(self, job_id: str, owner: str) -> Submitted:
        """Accept a job whose file is in the bucket, as the S3 event does. Has no effect if the job awaits no upload.

        Raises JobNotFound, or UploadIncomplete if the file has not arrived.
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
