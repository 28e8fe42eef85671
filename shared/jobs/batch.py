"""A batch: a group of jobs with exact counts by status.

The transaction that changes a member also changes the counts, so a member is never counted twice, even after duplicate
messages, late commits or crashes. The counts are spread over several items, because DynamoDB allows 1,000 writes per
second to one item and cancels one of two concurrent transactions on it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ulid import ULID

from shared.jobs.backfill import Backfill
from shared.jobs.job import Job, JobFailure, JobStatus
from shared.jobs.job_spec import JobSpec
from shared.jobs.prefix_import import PrefixImport

#: Maximum number of members in one request.
MAX_MEMBERS = 100
#: Counter attributes by status.
COUNTERS = {
    JobStatus.COMPLETED: "Completed",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELLED: "Cancelled",
    JobStatus.EXPIRED: "Expired",
}
#: Counter of deleted members, which are no longer part of the total.
DELETED_COUNTER = "Deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberScan:
    """The position of an operation on all members that takes several requests."""

    started_at: datetime
    #: ID of the last member that was handled.
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(JobSpec):
    """A group of jobs. Its job spec applies to members that are created without their own job spec."""

    id: str
    owner: str
    name: str | None
    created_at: datetime
    #: Number of members ever created.
    added: int = 0
    closed_at: datetime | None = None
    cancelling: MemberScan | None = None
    retrying: MemberScan | None = None
    #: Set if the members are created from stored images.
    backfill: Backfill | None = None
    #: Set if the members are created from the objects under a prefix.
    prefix_import: PrefixImport | None = None
    #: Set while the owner has paused the creation or the retry of members.
    paused_at: datetime | None = None
    #: Why the server has given up the creation or the retry of members.
    walk_error: JobFailure | None = None
    expires_at: datetime

    @property
    def fill(self) -> Backfill | PrefixImport | None:
        """Return what the server creates the members from, or None if only requests add members."""
        return self.backfill or self.prefix_import

    @property
    def is_filling(self) -> bool:
        """Return True if the server still has to create members."""
        return self.fill is not None and not self.fill.complete and self.closed_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCounts:
    """The number of members by status."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    deleted: int = 0
    #: When the last member ended.
    last_at: datetime | None = None

    @property
    def ended(self) -> int:
        """Return the number of members that have ended and are not deleted."""
        return self.completed + self.failed + self.cancelled + self.expired


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch and its counts, read together."""

    batch: Batch
    counts: MemberCounts

    @property
    def total(self) -> int:
        """Return the number of members."""
        # The counts may be newer than the batch item. The total must include the members that have ended since then.
        return max(self.batch.added - self.counts.deleted, self.counts.ended)

    @property
    def open(self) -> int:
        """Return the number of members that have not ended."""
        return self.total - self.counts.ended

    @property
    def is_done(self) -> bool:
        """Return True if the batch is closed and every member has ended."""
        return self.batch.closed_at is not None and self.open == 0

    @property
    def finished_at(self) -> datetime | None:
        """Return when the batch was done, or None if it is not done.

        The end of the last member is stored with the counts, so repeated calls return the same time.
        """
        if not self.is_done or self.batch.closed_at is None:
            return None
        return max(self.batch.closed_at, self.counts.last_at or self.batch.closed_at)


def counter_of(job: Job) -> str | None:
    """Return the name of the counter that includes a job, or None while the job is open."""
    return DELETED_COUNTER if job.deleted_at is not None else COUNTERS.get(job.status)


def count_changes(before: Job, after: Job) -> Mapping[str, int]:
    """Return by how much each counter changes if a member changes from ``before`` to ``after``."""
    left, entered = counter_of(before), counter_of(after)
    if left == entered:
        return {}
    return {name: step for name, step in ((left, -1), (entered, 1)) if name is not None}


def member_id(seed: str, at: datetime, index: int) -> str:
    """Return the ID of one member of a request; ``seed`` is an ID that the request has reserved.

    A repeated request computes the same IDs, so it creates no member twice. The IDs sort by ``index``. 73 bits of an ID
    can't be guessed without the seed.
    """
    if not 0 <= index < MAX_MEMBERS:
        raise ValueError(index)
    drawn = int.from_bytes(hashlib.sha256(f"{seed}#{index}".encode()).digest()[:10], "big") & ((1 << 73) - 1)
    milliseconds = (at - datetime.fromtimestamp(0, tz=at.tzinfo)) // timedelta(milliseconds=1)
    return str(ULID.from_int(milliseconds << 80 | index << 73 | drawn))
