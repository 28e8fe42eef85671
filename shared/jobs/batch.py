"""A batch: a group of jobs with counts by state, which every change of a member keeps exact.

The counts change in the transaction that moves the member, so no duplicate, late commit or crash can count twice.
They are spread over shards: one item takes 1,000 writes a second and refuses transactions that meet on it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ulid import ULID

from shared.jobs.backfill import Backfill
from shared.jobs.job import Job, JobStatus
from shared.jobs.job_spec import JobSpec

#: Members in one request.
MAX_MEMBERS = 100
COUNTERS = {
    JobStatus.COMPLETED: "Completed",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELLED: "Cancelled",
    JobStatus.EXPIRED: "Expired",
}
#: Count of members whose records are gone: they belong to the total no more.
DELETED_COUNTER = "Deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberScan:
    """A walk through all members that takes several requests."""

    started_at: datetime
    #: The last member that is done with.
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(JobSpec):
    """A group of jobs, with the spec of members that have none of their own."""

    id: str
    owner: str
    name: str | None
    created_at: datetime
    #: Members that were ever made.
    added: int = 0
    closed_at: datetime | None = None
    cancelling: MemberScan | None = None
    retrying: MemberScan | None = None
    #: Where its members come from stored images.
    backfill: Backfill | None = None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCounts:
    """What became of the members so far."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    deleted: int = 0
    #: When the last member so far has ended.
    last_at: datetime | None = None

    @property
    def ended(self) -> int:
        """Count the members that have ended and are still there."""
        return self.completed + self.failed + self.cancelled + self.expired


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch and its counts, read together."""

    batch: Batch
    counts: MemberCounts

    @property
    def total(self) -> int:
        """Count the members."""
        # The shards are read a moment after the batch itself: what was added in between must not show as a surplus.
        return max(self.batch.added - self.counts.deleted, self.counts.ended)

    @property
    def open(self) -> int:
        """Count the members that have not ended."""
        return self.total - self.counts.ended

    @property
    def is_done(self) -> bool:
        """Tell whether the batch is closed and every member has ended."""
        return self.batch.closed_at is not None and self.open == 0

    @property
    def finished_at(self) -> datetime | None:
        """Return when the batch was done. Written with the last member's end, it is the same whenever it is asked."""
        if not self.is_done or self.batch.closed_at is None:
            return None
        return max(self.batch.closed_at, self.counts.last_at or self.batch.closed_at)


def counter_of(job: Job) -> str | None:
    """Return the count that a job stands in; None while it is open."""
    return DELETED_COUNTER if job.deleted_at is not None else COUNTERS.get(job.status)


def count_changes(before: Job, after: Job) -> Mapping[str, int]:
    """Return how the counts change when a member becomes ``after``; empty where they do not."""
    left, entered = counter_of(before), counter_of(after)
    if left == entered:
        return {}
    return {name: step for name, step in ((left, -1), (entered, 1)) if name is not None}


def member_id(seed: str, at: datetime, index: int) -> str:
    """Make the ID of one member of a request; ``seed`` is an ID that the request has reserved.

    The same request makes the same IDs, so that doing it again makes no member twice. They are in the order of
    ``index``, and 73 bits of each can't be guessed by who does not know the seed.
    """
    if not 0 <= index < MAX_MEMBERS:
        raise ValueError(index)
    drawn = int.from_bytes(hashlib.sha256(f"{seed}#{index}".encode()).digest()[:10], "big") & ((1 << 73) - 1)
    milliseconds = (at - datetime.fromtimestamp(0, tz=at.tzinfo)) // timedelta(milliseconds=1)
    return str(ULID.from_int(milliseconds << 80 | index << 73 | drawn))
