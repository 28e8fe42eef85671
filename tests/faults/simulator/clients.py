"""What clients do besides posting an image: declare and send an upload, import an object, create a batch of both.

Each runs our use cases as the API does, in its own invocation. What a client does by itself, such as sending bytes to
S3, happens when it is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from faults.simulator.functions import Functions
from faults.simulator.settings import BUCKET
from faults.simulator.world import SOURCE_BUCKET
from support import events

from api.batches.schemas import BatchRequest
from api.batches.use_cases import Batches
from api.jobs.imports import Imports
from api.jobs.job_spec import Catalog
from api.jobs.options import ImportRequest
from api.jobs.submission import find_created
from api.uploads.schemas import UploadRequest
from api.uploads.use_cases import Uploads
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.errors import BatchClosed, ImageError, JobStateError, SafelightError
from shared.jobs.job import ANONYMOUS, Job, JobStatus
from shared.jobs.job_spec import JobSpec
from shared.pipeline.pipeline import DEFAULT_PIPELINE

SPEC = JobSpec(DEFAULT_PIPELINE)
MEDIA_TYPE = "image/jpeg"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPlan:
    """How a client sends the declared bytes."""

    data: bytes
    #: What it sends with the same form after the first time.
    other: bytes | None = None
    #: How often it sends them; 0 for never.
    times: int = 1
    after: timedelta = timedelta(seconds=1)
    #: True if S3's event reaches the queue.
    is_heard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a batch: bytes to send, or an object by its key in the source bucket."""

    sending: SendPlan | None = None
    key: str = ""

    def document(self) -> dict[str, object]:
        """Return the member as in a request."""
        return {"content_type": MEDIA_TYPE} if self.sending else {"source": f"s3://{SOURCE_BUCKET}/{self.key}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """A request for a batch; repeated requests are equal."""

    seed: str
    at: datetime
    members: Sequence[Member]


def create_upload(functions: Functions, sending: SendPlan) -> str:
    """Declare an upload; the client sends the bytes after the response. Returns the status."""
    uploads, at = Uploads.of(functions.dependencies), functions.world.clock()
    request = UploadRequest(content_type=MEDIA_TYPE)
    job = uploads.announce(request, SPEC, ANONYMOUS, job_id=functions.new_id(), at=at).job
    functions.world.watch.answered(job.id)
    _send(functions, job, sending)
    return "201"


def import_object(functions: Functions, key: str, job_id: str, at: datetime, *, again: bool) -> str:
    """Import an object of the source bucket; return the status."""
    return _import_image(functions, f"s3://{SOURCE_BUCKET}/{key}", job_id, at, again=again)


def copy_image(functions: Functions, first: str, job_id: str, at: datetime, *, again: bool) -> str:
    """Create a job from the raw image of a job; return the status."""
    status = _import_image(functions, f"job:{first}", job_id, at, again=again)
    functions.world.watch.seen[f"copy requested: {status}"] += 1
    return status


def _import_image(functions: Functions, source: str, job_id: str, at: datetime, *, again: bool) -> str:
    request = ImportRequest(source=source)
    catalog, imports = Catalog.of(functions.dependencies, ANONYMOUS), Imports.of(functions.dependencies)
    try:
        reservation = Reservation(scope="", job_id=job_id, at=at, holder="", is_repeat=again)
        found = find_created(reservation, imports.jobs, imports.queues)
        job = (found or imports.import_image(request, catalog, None, ANONYMOUS, job_id=job_id, at=at)).job
    except (ImageError, JobStateError) as error:
        # Never claim that there is no job if there is one.
        functions.world.watch.refused(job_id)
        return str(error.status)
    functions.world.watch.answered(job.id)
    return "202"


def create_batch(functions: Functions, order: BatchOrder, *, again: bool) -> str:
    """Create, fill and close a batch, or find it if repeated. The bytes follow. Returns the status."""
    catalog = Catalog.of(functions.dependencies, ANONYMOUS)
    request = BatchRequest(items=[member.document() for member in order.members], close=True)
    try:
        filled = Batches.of(functions.dependencies).create(
            request, ANONYMOUS, catalog, batch_id=order.seed, at=order.at, is_repeat=again
        )
    except BatchClosed as error:  # cancelled before its members were created
        return str(error.status)
    watch = functions.world.watch
    watch.filled(filled.batch_id, [job.id if isinstance(job, Job) else None for job in filled.jobs])
    watch.seen["batch filled again"] += again
    for job, member in zip(filled.jobs, order.members, strict=True):
        if not isinstance(job, Job):
            continue
        watch.answered(job.id)
        if member.sending is not None and job.status is JobStatus.AWAITING_UPLOAD:
            _send(functions, job, member.sending)
    return "202"


def import_prefix(functions: Functions, seed: str, at: datetime, *, again: bool) -> str:
    """Create an import of all objects of the source bucket, which the walker continues. Returns the status."""
    request = BatchRequest.model_validate({"prefix": {"source": f"s3://{SOURCE_BUCKET}/"}})
    catalog = Catalog.of(functions.dependencies, ANONYMOUS)
    try:
        Batches.of(functions.dependencies).create(request, ANONYMOUS, catalog, batch_id=seed, at=at, is_repeat=again)
    except ImageError as error:
        return str(error.status)
    return "202"


def scan_batch(functions: Functions, deed: str, batch_id: str) -> None:
    """Cancel a batch, retry its failed members, or pause or resume what the server does for it."""
    batches, at = Batches.of(functions.dependencies), functions.world.clock()
    scans = {"cancel": batches.cancel, "retry": batches.retry_failed}
    try:
        if deed in scans:
            scans[deed](batch_id, ANONYMOUS, at=at, until=at + timedelta(seconds=20))
        else:
            {"pause": batches.pause, "resume": batches.resume}[deed](batch_id, ANONYMOUS, at=at)
    except SafelightError:
        return  # a refusal is a valid response
    functions.world.watch.seen[f"batch: {deed}"] += 1


def _send(functions: Functions, job: Job, sending: SendPlan) -> None:
    for number in range(sending.times):
        data = sending.data if number == 0 or sending.other is None else sending.other
        functions.world.later(
            sending.after * (number + 1), partial(_store_bytes, functions, job, data, is_heard=sending.is_heard)
        )


def _store_bytes(functions: Functions, job: Job, data: bytes, *, is_heard: bool) -> None:
    """Store the bytes in S3, which sends an event."""
    world = functions.world
    request = {"Bucket": BUCKET, "Key": job.raw.key, "Body": data, "ContentType": MEDIA_TYPE}
    world.bucket.call("PutObject", request)
    if is_heard:
        world.queues.add(world.uploads, events.s3(BUCKET, job.raw.key, len(data)))
