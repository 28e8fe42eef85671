"""Making members of a batch: each a job that awaits its bytes, or whose image is copied. The use case, without HTTP.

IDs of members are made from an ID that the request's Idempotency-Key has reserved, so a request that died half-way
and comes again makes exactly the members that are missing, and takes the others as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from api.batches.schemas import read_member
from api.batches.use_cases import Hall
from api.jobs.job_spec import Catalog, resolve_job_spec, resolve_webhook
from api.jobs.options import ImportRequest
from api.jobs.submission import notify_worker
from api.uploads.schemas import UploadRequest
from shared.aws.s3.source_store import SourceObject
from shared.aws.sqs import JobQueues
from shared.errors import SafelightError, ServiceError
from shared.jobs.batch import Batch, member_id
from shared.jobs.job import Job, JobStatus
from shared.parallel import map_parallel


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of the members of a request: for each a job, or why there is none."""

    batch_id: str
    jobs: tuple[Job | SafelightError, ...]
    #: The fault that kept messages from being sent, if any.
    send_error: ServiceError | None = None


def fill(  # noqa: PLR0913 - what, where, whose, when
    items: Sequence[dict[str, object]],
    batch: Batch,
    library: Catalog,
    hall: Hall,
    *,
    seed: str,
    at: datetime,
    again: bool,
) -> Filled:
    """Make members. One that can't be is an error in its place and does not spoil the others.

    ``seed`` is the ID that the request has reserved, ``at`` its moment. A request that is made ``again`` finds members
    of its first try as they are, even if they could not be made any more. Raises BatchClosed or ServiceError.
    """
    ids = [member_id(seed, at, index) for index in range(len(items))]
    members: dict[str, Job | SafelightError] = dict(hall.members.find(ids)) if again else {}
    asked: dict[str, UploadRequest | ImportRequest] = {}
    for job_id, fields in zip(ids, items, strict=True):
        if job_id in members:
            continue
        try:
            asked[job_id] = read_member(fields)
        except SafelightError as error:
            members[job_id] = error
    members |= _made(asked, batch, library, hall, at=at)
    new = [job for job_id in asked if isinstance(job := members[job_id], Job)]
    if new:
        hall.batches.append(batch.id, new, expires_at=at + hall.retention)
    jobs = tuple(members[job_id] for job_id in ids)
    return Filled(batch.id, jobs, _hint_all(jobs, hall.uploads.queues))


def _made(
    asked: Mapping[str, UploadRequest | ImportRequest], batch: Batch, library: Catalog, hall: Hall, *, at: datetime
) -> dict[str, Job | SafelightError]:
    """Return by its ID each member, not yet written, or why there is none."""
    known = Catalog(
        find_preset=cache(library.find_preset),
        find_asset=cache(library.find_asset),
        find_webhook=cache(library.find_webhook),
    )
    locations = {job_id: each.location() for job_id, each in asked.items() if isinstance(each, ImportRequest)}
    found = hall.imports.inspect_all(locations)
    made: dict[str, Job | SafelightError] = {}
    for job_id, request in asked.items():
        facts = found.get(job_id)
        if isinstance(facts, SafelightError):
            made[job_id] = facts
            continue
        try:
            made[job_id] = _member(request, facts, batch, known, hall, job_id=job_id, at=at)
        except ServiceError:
            raise
        except SafelightError as error:
            made[job_id] = error
    return made


def _member(  # noqa: PLR0913 - what, where, when
    request: UploadRequest | ImportRequest,
    found: SourceObject | None,
    batch: Batch,
    library: Catalog,
    hall: Hall,
    *,
    job_id: str,
    at: datetime,
) -> Job:
    webhook = resolve_webhook(request.webhook, library) or batch.webhook
    if request.chooses_pipeline:
        spec = replace(resolve_job_spec(request, library), webhook=webhook)
    else:
        batch.require_pipeline()
        spec = replace(batch.spec, webhook=webhook)
    if isinstance(request, ImportRequest):
        assert found is not None  # noqa: S101 - each of them was looked at
        name, owner = request.filename, batch.owner
        return hall.imports.build_job(found, spec, name, owner, job_id=job_id, at=at, batch_id=batch.id)
    return hall.uploads.build_job(request, spec, batch.owner, job_id=job_id, at=at, batch_id=batch.id)


def _hint_all(members: Sequence[Job | SafelightError], queues: JobQueues) -> ServiceError | None:
    """Send the messages of members that wait for a worker, not for bytes; return a fault that kept one from it."""
    waiting = [job for job in members if isinstance(job, Job) and job.status is JobStatus.PENDING]
    errors = map_parallel(lambda job: notify_worker(job, queues), waiting)
    return next((error for error in errors if error is not None), None)
