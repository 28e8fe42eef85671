"""Creation of a batch's members: direct uploads, which await their bytes, and imports.

The IDs of the members derive from an ID that the request's Idempotency-Key has reserved. If the API was killed halfway,
a repeated request therefore creates only the missing members and leaves the others unchanged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Self

from api.batches.schemas import read_member
from api.dependencies import Dependencies
from api.jobs.imports import Found, Imports
from api.jobs.job_spec import Catalog, resolve_job_spec, resolve_webhook
from api.jobs.options import ImportRequest
from api.jobs.stored_images import StoredImage
from api.presets.output_budget import ExpectedImage
from api.uploads.schemas import UploadRequest
from api.uploads.use_cases import Uploads
from shared.aws.dynamodb.batch_members import BatchMembers
from shared.aws.dynamodb.batch_table import CHUNK_SIZE, BatchTable
from shared.aws.sqs import JobQueues
from shared.clock import Clock
from shared.errors import QuotaExceeded, SafelightError, ServiceError
from shared.jobs.batch import Batch, member_id
from shared.jobs.job import Job, JobStatus


@dataclass(frozen=True, slots=True)
class AddedMembers:
    """Outcome of a request for members: for each member the job, or the error that prevented it."""

    batch_id: str
    jobs: tuple[Job | SafelightError, ...]
    #: The first error if messages could not be sent.
    send_error: ServiceError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCreation:
    """Creates members of batches."""

    table: BatchTable
    members: BatchMembers
    uploads: Uploads
    imports: Imports
    queues: JobQueues
    clock: Clock
    retention: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            table=dependencies.batches,
            members=dependencies.members,
            uploads=Uploads.of(dependencies),
            imports=Imports.of(dependencies),
            queues=dependencies.queues,
            clock=dependencies.clock,
            retention=dependencies.retention,
        )

    def add(  # noqa: PLR0913 - the members, the batch, the request
        self,
        items: Sequence[dict[str, object]],
        batch: Batch,
        catalog: Catalog,
        *,
        seed: str,
        at: datetime,
        is_repeat: bool,
        is_new_batch: bool = False,
    ) -> AddedMembers:
        """Create members. For an invalid member, the result contains an error. The other members are created.

        ``seed`` is the ID that the request has reserved, and ``at`` the time of its first try. A repeated request
        returns the members that its first try created, even if it could not create them now. With ``is_new_batch``,
        the batch is created too. Raises BatchClosed if the batch is closed, TooManyOpenJobs or DailyBytesExceeded if
        the members exceed a limit of the owner, or ServiceError if AWS fails. The first members may be created then.
        """
        ids = [member_id(seed, at, index) for index in range(len(items))]
        members: dict[str, Job | SafelightError] = dict(self.members.find(ids)) if is_repeat else {}
        requests: dict[str, UploadRequest | ImportRequest] = {}
        for job_id, fields in zip(ids, items, strict=True):
            if job_id in members:
                continue
            try:
                requests[job_id] = read_member(fields)
            except SafelightError as error:
                members[job_id] = error
        # The first try may have been long ago. The upload forms of new members and the limits per day count from now.
        now = max(self.clock(), at) if is_repeat else at
        members |= self._build_jobs(requests, batch, catalog, at=now)
        new = [job for job_id in requests if isinstance(job := members[job_id], Job)]
        self._store(new, batch, at=now, is_repeat=is_repeat, is_new_batch=is_new_batch)
        results = tuple(members[job_id] for job_id in ids)
        jobs = [job for job in results if isinstance(job, Job)]
        return AddedMembers(batch.id, results, notify_workers(jobs, self.queues))

    def _store(self, new: Sequence[Job], batch: Batch, *, at: datetime, is_repeat: bool, is_new_batch: bool) -> None:
        """Create the batch, if it is new, and its new members.

        If other requests of the owner use up a limit meanwhile, the first members stay created.
        """
        created: list[Job] = []
        is_started = is_repeat
        try:
            if new:
                self.table.require_room(new)
            if is_new_batch:
                self.table.create(batch)
                is_started = True
            for start in range(0, len(new), CHUNK_SIZE):
                chunk = new[start : start + CHUNK_SIZE]
                self.table.append(batch.id, chunk, expires_at=at + self.retention)
                created += chunk
        except QuotaExceeded as error:
            notify_workers(created, self.queues)
            error.is_partial = is_started or bool(created)
            if created:
                error.detail += (
                    f" {len(created)} of {len(new)} members were created."
                    " Repeat the request with the same Idempotency-Key to create the others."
                )
            raise

    def _build_jobs(
        self, requests: Mapping[str, UploadRequest | ImportRequest], batch: Batch, catalog: Catalog, *, at: datetime
    ) -> dict[str, Job | SafelightError]:
        """Return each member, without writing it, or the error that prevents it. The keys are job IDs."""
        cached = Catalog(
            find_preset=cache(catalog.find_preset),
            find_asset=cache(catalog.find_asset),
            find_webhook=cache(catalog.find_webhook),
            list_presets=cache(catalog.list_presets),
            list_assets=cache(catalog.list_assets),
            list_webhooks=cache(catalog.list_webhooks),
            budget=catalog.budget,
        )
        locations = {job_id: each.location() for job_id, each in requests.items() if isinstance(each, ImportRequest)}
        sources = self.imports.inspect_all(locations, batch.owner, at=at)
        members: dict[str, Job | SafelightError] = {}
        for job_id, request in requests.items():
            source = sources.get(job_id)
            if isinstance(source, SafelightError):
                members[job_id] = source
                continue
            try:
                members[job_id] = self._build_job(request, source, batch, cached, job_id=job_id, at=at)
            except ServiceError:
                raise
            except SafelightError as error:
                members[job_id] = error
        return members

    def _build_job(  # noqa: PLR0913 - the image, the batch, the job
        self,
        request: UploadRequest | ImportRequest,
        source: Found | None,
        batch: Batch,
        catalog: Catalog,
        *,
        job_id: str,
        at: datetime,
    ) -> Job:
        webhook = resolve_webhook(request.webhook, catalog) or batch.webhook
        facts = request.choose_facts(batch.facts_request)
        if request.chooses_pipeline:
            image = ExpectedImage.of(source.job.raw) if isinstance(source, StoredImage) else None
            spec = replace(resolve_job_spec(request, catalog, image), webhook=webhook, facts_request=facts)
        else:
            batch.require_pipeline()
            spec = replace(batch.spec, webhook=webhook, facts_request=facts)
        if isinstance(request, ImportRequest):
            assert source is not None  # noqa: S101 - the source of every import was inspected
            name, owner = request.filename, batch.owner
            return self.imports.build_job(source, spec, name, owner, job_id=job_id, at=at, batch_id=batch.id)
        return self.uploads.build_job(request, spec, batch.owner, job_id=job_id, at=at, batch_id=batch.id)


def notify_workers(jobs: Iterable[Job], queues: JobQueues) -> ServiceError | None:
    """Send a message for each of the jobs that is PENDING. Return the first error, or None."""
    pending = [job for job in jobs if job.status is JobStatus.PENDING]
    return next((error for error in queues.notify_workers(pending) if error is not None), None)
