"""Multipart uploads: list and sign parts, complete, abort, and sign the requests of Uppy 6.

S3 is the record of an upload and its parts. The order of the steps of a completion makes each crash harmless: first S3
joins the parts, then the job record is written, then the message is sent. After a crash in between, S3's event or the
reconciler does the rest, and a repeated request finds the object.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from api.dependencies import Dependencies
from api.http.links import Links
from api.jobs.lifecycle import JobLifecycle, apply_transition, get_own_job, require_unexpired
from api.jobs.submission import Submitted
from api.uploads.multipart_schemas import SignedPartView, SignedRequestView, SignRequest
from api.uploads.use_cases import MIN_LIFETIME, Uploads
from shared.aws.s3.multipart_uploads import MultipartUploads, SignedRequest
from shared.errors import JobNotFound, MultipartNotFound, NotAwaitingUpload, NotMultipart
from shared.jobs.job import Job, JobStatus
from shared.jobs.object_keys import job_of_direct_key
from shared.jobs.part_plan import PartPlan, StoredPart
from shared.jobs.upload_declaration import UploadMethod

#: Statuses in which the upload of a job can no longer arrive.
_ENDED_WITHOUT: Final = frozenset({JobStatus.CANCELLED, JobStatus.EXPIRED})
#: The operation of S3 for each method of a request about an upload.
_OPERATIONS: Final[dict[str, Literal["list_parts", "complete_multipart_upload", "abort_multipart_upload"]]] = {
    "GET": "list_parts",
    "POST": "complete_multipart_upload",
    "DELETE": "abort_multipart_upload",
}


@dataclass(frozen=True, slots=True)
class AwaitedParts:
    """A job that awaits its parts, and which parts these are."""

    job: Job
    plan: PartPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipart:
    """Continues and ends multipart uploads."""

    uploads: Uploads
    lifecycle: JobLifecycle

    @classmethod
    def of(cls, dependencies: Dependencies, links: Links | None = None) -> Self:
        """Return the use case with the API's dependencies. With ``links``, requests can use the host of the request."""
        return cls(uploads=Uploads.of(dependencies, links), lifecycle=JobLifecycle.of(dependencies))

    @property
    def store(self) -> MultipartUploads:
        """Return the multipart uploads of the image bucket."""
        return self.uploads.images.multipart

    def list_parts(self, job_id: str, owner: str, upload_id: str) -> tuple[PartPlan, list[StoredPart]]:
        """Return the parts that S3 has. Raises the errors of :meth:`get_awaited`, or MultipartNotFound."""
        awaited = self.get_awaited(job_id, owner)
        return awaited.plan, self.store.list_parts(awaited.job.raw.key, upload_id)

    def sign_parts(self, job_id: str, owner: str, upload_id: str, numbers: Sequence[int]) -> list[SignedPartView]:
        """Sign the upload of parts. Raises the errors of :meth:`get_awaited`, or PartNotAllowed."""
        awaited = self.get_awaited(job_id, owner)
        seconds, expires_at = self._get_lifetime(awaited.job)
        parts = []
        for number in numbers:
            size = awaited.plan.size_of(number)
            signed = self.store.sign_part(awaited.job.raw.key, upload_id, number, size, seconds=seconds)
            parts.append(
                SignedPartView(
                    PartNumber=number, url=signed.url, headers=signed.headers, size=size, expires_at=expires_at
                )
            )
        return parts

    def complete(self, job_id: str, owner: str, upload_id: str, expected: Sequence[tuple[int, str]] = ()) -> Submitted:
        """Join the parts and accept the job. Idempotent: a job whose file has arrived is returned as it is.

        Raises NotAwaitingUpload if the job ended without its file, MultipartNotFound if there is no such upload,
        PartETagMismatch if a part is sent again at the same time, or the errors of
        :meth:`shared.jobs.part_plan.PartPlan.require_complete`.
        """
        job = self._get(job_id, owner)
        plan = _get_plan(job)
        if job.status in _ENDED_WITHOUT:
            raise NotAwaitingUpload(f"The job is {job.status.value}.")
        if job.status is not JobStatus.AWAITING_UPLOAD:
            return Submitted(job)
        try:
            parts = self.store.list_parts(job.raw.key, upload_id)
            plan.require_complete(parts, expected)
            self.store.complete(job.raw.key, upload_id, parts)
        except MultipartNotFound:
            # An earlier or concurrent request may have completed it.
            if self.uploads.images.get_size(job.raw.key) is None:
                return self._find_arrived(job_id, owner)
        return self.uploads.confirm(job_id, owner)

    def abort(self, job_id: str, owner: str, *, at: datetime) -> Job:
        """Abort the upload and cancel its job. Idempotent.

        Raises NotMultipart, or NotAwaitingUpload if the file has arrived.
        """
        job = self._get(job_id, owner)
        _get_plan(job)
        if job.status is JobStatus.CANCELLED:
            self.uploads.images.abort_upload(job)
            return job
        if job.status is not JobStatus.AWAITING_UPLOAD:
            raise NotAwaitingUpload(f"The job is {job.status.value}.")
        return self.lifecycle.cancel(job_id, owner, at=at)

    def sign_first(self, job: Job) -> SignedRequestView:
        """Sign the request of Uppy that starts the upload of a new job. Raises NotAwaitingUpload."""
        declaration = job.declaration
        if declaration is None or job.status is not JobStatus.AWAITING_UPLOAD:
            raise NotAwaitingUpload(f"The job is {job.status.value}.")
        seconds, expires_at = self._get_lifetime(job)
        if declaration.method is UploadMethod.MULTIPART:
            signed = self.store.sign_start(job.raw.key, declaration.media_type, seconds=seconds)
            return _view(job, signed, expires_at)
        instructions = self.uploads.instruct(job)
        if instructions.put is not None:
            return _view(job, SignedRequest(instructions.put.url, instructions.put.headers), expires_at)
        form = instructions.upload
        if form is None:
            raise NotAwaitingUpload("The time for the upload is over.")
        return SignedRequestView(
            url=form.url, key=job.raw.key, headers=None, fields=form.fields, job_id=job.id, expires_at=expires_at
        )

    def sign_next(self, request: SignRequest, owner: str, *, at: datetime) -> SignedRequestView:
        """Sign a later request of Uppy: for a part, the list of parts, the completion or the abortion.

        The completion is signed only if S3 has all parts. For an abortion, the job is cancelled. Raises the errors of
        :meth:`get_awaited`, :meth:`sign_parts`, :meth:`complete` and :meth:`abort`.
        """
        job_id, upload_id = job_of_direct_key(request.key), request.upload_id
        if job_id is None or upload_id is None:
            raise JobNotFound
        awaited = self.get_awaited(job_id, owner)
        if awaited.job.raw.key != request.key:
            raise JobNotFound
        seconds, expires_at = self._get_lifetime(awaited.job)
        if request.part_number is not None:
            size = awaited.plan.size_of(request.part_number)
            signed = self.store.sign_part(request.key, upload_id, request.part_number, size, seconds=seconds)
            return _view(awaited.job, signed, expires_at)
        if request.method == "POST":
            awaited.plan.require_complete(self.store.list_parts(request.key, upload_id))
        if request.method == "DELETE":
            # Uppy aborts the upload with the signed request.
            apply_transition(
                awaited.job, lambda job: job if job.status.is_terminal else job.cancel(now=at), self.uploads.jobs
            )
        signed = self.store.sign(_OPERATIONS[request.method], request.key, upload_id, seconds=seconds)
        return _view(awaited.job, signed, expires_at)

    def get_awaited(self, job_id: str, owner: str) -> AwaitedParts:
        """Return a job that awaits its parts. Raises JobNotFound, NotMultipart or NotAwaitingUpload."""
        job = self._get(job_id, owner)
        plan = _get_plan(job)
        if job.status is not JobStatus.AWAITING_UPLOAD:
            raise NotAwaitingUpload(f"The job is {job.status.value}.")
        return AwaitedParts(job, plan)

    def _get(self, job_id: str, owner: str) -> Job:
        return require_unexpired(get_own_job(job_id, owner, self.uploads.jobs), self.uploads.clock())

    def _find_arrived(self, job_id: str, owner: str) -> Submitted:
        """Return a job whose file a worker has already taken. Raises MultipartNotFound if the job still awaits it."""
        job = self._get(job_id, owner)
        if job.status is JobStatus.AWAITING_UPLOAD:
            raise MultipartNotFound
        if job.status in _ENDED_WITHOUT:
            raise NotAwaitingUpload(f"The job is {job.status.value}.")
        return Submitted(job)

    def _get_lifetime(self, job: Job) -> tuple[int, datetime]:
        """Return the seconds for which a request is signed, and when it expires. Raises NotAwaitingUpload."""
        now = self.uploads.clock()
        left = job.uploaded_at + self.uploads.multipart_lifetime - now
        lifetime = min(self.uploads.lifetime, left) if job.is_multipart else self.uploads.remaining(job, now)
        if lifetime < MIN_LIFETIME:
            raise NotAwaitingUpload("The time for the upload is over.")
        seconds = int(lifetime.total_seconds())
        return seconds, now + timedelta(seconds=seconds)


def _get_plan(job: Job) -> PartPlan:
    """Return the parts of a job's upload. Raises NotMultipart if it has none."""
    plan = job.declaration.plan if job.declaration is not None else None
    if plan is None:
        raise NotMultipart
    return plan


def _view(job: Job, signed: SignedRequest, expires_at: datetime) -> SignedRequestView:
    return SignedRequestView(
        url=signed.url, key=job.raw.key, headers=signed.headers, fields=None, job_id=job.id, expires_at=expires_at
    )
