"""What a job's writes take of DynamoDB, from real records: as ``shared.aws.dynamodb.job_item`` writes them."""

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
class Units:
    """Write units of each step, on the table and on each index that it changes."""

    create: int
    claim: int
    commit: int
    #: Of a member of a batch: a transaction takes twice the units.
    member_commit: int
    member_create: int
    #: The batch's count, in the same transaction.
    count: int = 2
    open_create: int = 1
    #: A key of the index changes: the old entry goes, a new one comes.
    open_move: int = 2
    open_end: int = 1
    #: In ``Recent``, and in ``ByBatch``.
    listed: int = 1
    #: Read units of one record.
    read: int = 1


@cache
def units() -> Units:
    """Weigh the records of a job with the default pipeline."""
    raw = RawImage(key=object_keys.raw_key(JOB), size=1_234_567, format="JPEG", digest="0" * 64)
    begun = Job.new(
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
    facts = ProcessedImage(
        name="image",
        key=object_keys.processed_key(JOB, 1, "image", "png"),
        size=250_000,
        width=1024,
        height=683,
        format="PNG",
        media_type="image/png",
        digest="0" * 64,
    )
    running = begun._transition(JobStatus.PROCESSING, NOW)  # noqa: SLF001 - the claim itself is an expression of DynamoDB's
    ended = running.complete(raw=raw, outputs=(facts,), warnings=(), now=NOW)
    first, second, last = (_units_of(job) for job in (begun, running, ended))
    # A write takes the units of the larger of what was there and what is.
    return Units(
        create=first,
        member_create=2 * first,
        claim=max(first, second),
        commit=max(second, last),
        member_commit=2 * max(second, last),
        read=math.ceil(size_of(to_item(running, BUCKET, 4)) / READ_BYTES),
    )


def _units_of(job: Job) -> int:
    return math.ceil(size_of(to_item(job, BUCKET, 4)) / WRITE_BYTES)


def size_of(value: object) -> int:
    """Return what a value takes in DynamoDB, bytes: names and values, and the documented overhead of lists and maps."""
    if isinstance(value, dict):
        return 3 + sum(len(name.encode()) + size_of(each) + 1 for name, each in value.items())
    if isinstance(value, list):
        return 3 + sum(size_of(each) + 1 for each in value)
    if isinstance(value, str):
        return len(value.encode())
    return 1 if isinstance(value, bool) else math.ceil(len(str(value)) / 2) + 1
