"""DynamoDB capacity units that the writes of a job use, computed from items of ``shared.aws.dynamodb.job_item``."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from shared.aws.dynamodb.job_item import to_item
from shared.jobs import object_keys
from shared.jobs.job import Job, JobStatus, ProcessedImage, RawImage
from shared.jobs.job_spec import JobSpec
from shared.pipeline.pipeline import DEFAULT_PIPELINE

WRITE_BYTES = 1024
READ_BYTES = 4096
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
JOB = "01KAZ3Q1M8Z3J5W7XK9V2B4C6D"
BATCH = "01KAZ3Q1M8Z3J5W7XK9V2B4C6E"
OWNER = "iam:arn:aws:iam::123456789012:user/somebody"
BUCKET = "safelight-images-123456789012-eu-central-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityUnits:
    """Write units that each step uses in the table and in its indexes."""

    create: int
    claim: int
    commit: int
    #: Batch members are written in transactions, which take twice the units.
    member_commit: int
    member_create: int
    #: Units for the batch's counter, which is written in the same transaction.
    count: int = 2
    open_create: int = 1
    #: If the index key changes, DynamoDB deletes the old entry and writes a new entry.
    open_move: int = 2
    open_end: int = 1
    #: Units for an entry in ``Recent`` or in ``ByBatch``.
    listed: int = 1
    #: Read units to read one job.
    read: int = 1


@cache
def measure_units() -> CapacityUnits:
    """Return the units for a job with the default pipeline."""
    raw = RawImage(key=object_keys.raw_key(JOB), size=1_234_567, format="JPEG", digest="0" * 64)
    pending = Job.new(
        JobSpec(DEFAULT_PIPELINE),
        job_id=JOB,
        filename="a-photograph.jpg",
        raw=raw,
        owner=OWNER,
        now=NOW,
        due_after=timedelta(minutes=15),
        retention=timedelta(days=30),
        batch_id=BATCH,
    )
    output = ProcessedImage(
        name="image",
        key=object_keys.processed_key(JOB, 1, "image", "png"),
        size=250_000,
        width=1024,
        height=683,
        format="PNG",
        media_type="image/png",
        digest="0" * 64,
    )
    running = pending._transition(JobStatus.PROCESSING, NOW)  # noqa: SLF001 - the claim itself is a DynamoDB expression
    completed = running.complete(raw=raw, outputs=(output,), warnings=(), now=NOW)
    created, claimed, ended = (_count_write_units(job) for job in (pending, running, completed))
    # A write uses the units of the old or the new item, whichever is larger.
    return CapacityUnits(
        create=created,
        member_create=2 * created,
        claim=max(created, claimed),
        commit=max(claimed, ended),
        member_commit=2 * max(claimed, ended),
        read=math.ceil(measure_size(to_item(running, BUCKET, 4)) / READ_BYTES),
    )


def _count_write_units(job: Job) -> int:
    return math.ceil(measure_size(to_item(job, BUCKET, 4)) / WRITE_BYTES)


def measure_size(value: object) -> int:
    """Return the size of a value in DynamoDB, in bytes, including the documented overhead of lists and maps."""
    if isinstance(value, dict):
        return 3 + sum(len(name.encode()) + measure_size(each) + 1 for name, each in value.items())
    if isinstance(value, list):
        return 3 + sum(measure_size(each) + 1 for each in value)
    if isinstance(value, str):
        return len(value.encode())
    return 1 if isinstance(value, bool) else math.ceil(len(str(value)) / 2) + 1
