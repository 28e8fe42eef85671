"""A watch: a rule that turns each object that appears under a prefix of an S3 bucket into a job.

An event of S3 only says that an object may be new. What decides is the mark of the object's version: the transaction
that creates the job also writes the mark, so duplicate and late events create nothing. A catch-up lists the prefix, so
objects whose events were lost, or that arrived while the watch was paused, get their jobs too.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.jobs.job import JobFailure
from shared.jobs.job_spec import JobSpec
from shared.jobs.prefix_import import matches_patterns
from shared.jobs.source import NULL_VERSION, SCHEME, ImportSource

#: Watches of one bucket, of all owners together. Each event of the bucket is compared with all of them.
MAX_WATCHES = 300
#: Watches of one owner in one bucket, so that no owner uses up those of all.
MAX_OWN_WATCHES = 100
#: A catch-up examines the objects that were modified in this time before the last one. S3 sends nearly all events
#: within minutes, but an object of a multipart upload has the time at which the upload was started.
OVERLAP = timedelta(days=2)
#: After this time, a catch-up examines all objects again.
FULL_EVERY = timedelta(days=7)
#: The batch of a folder is closed after this time without a new object.
QUIET = timedelta(days=1)
#: The batch of a day is closed this long after its end, because the clocks of functions differ.
CLOSING_MARGIN = timedelta(minutes=15)


class Grouping(StrEnum):
    """How the jobs of a watch are grouped into batches."""

    #: One batch for the jobs that are created on a day (UTC).
    DAY = "day"
    #: One batch for the objects that have the same key up to the last slash.
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """The position of a catch-up in the listing of the prefix."""

    started_at: datetime
    #: True if it examines all objects, and not only those that were modified lately.
    is_full: bool
    #: Key and version ID of the last object that was examined.
    after_key: str = ""
    after_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(JobSpec):
    """A rule for the objects under a prefix. Its job spec is that of the jobs."""

    id: str
    owner: str
    bucket: str
    #: Start of the keys. Empty for the whole bucket.
    prefix: str
    #: Patterns of the objects; empty for all files with the suffix of an image.
    include: tuple[str, ...] = ()
    grouping: Grouping = Grouping.DAY
    created_at: datetime
    #: Objects that were modified before this time are not caught up; None if all are.
    since: datetime | None = None
    paused_at: datetime | None = None
    #: Number of jobs that were created.
    jobs: int = 0
    #: Number of objects that can't become a job.
    skipped: int = 0
    #: The catch-up that is not over; None between two of them.
    catch_up: CatchUp | None = None
    #: When the last catch-up that is over was started.
    caught_up_at: datetime | None = None
    #: When the last one that examined all objects was started.
    fully_caught_up_at: datetime | None = None
    #: Why the last catch-up could not continue.
    error: JobFailure | None = None

    @property
    def uri(self) -> str:
        """Return the bucket and the prefix as ``s3://bucket/prefix``."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    def matches(self, key: str) -> bool:
        """Return True if the watch is responsible for an object, judging by its key."""
        return matches_patterns(key, self.prefix, self.include)

    def start_catch_up(self, now: datetime) -> CatchUp:
        """Return the next catch-up at its start."""
        last = self.fully_caught_up_at
        return CatchUp(started_at=now, is_full=last is None or now - last >= FULL_EVERY)

    def examines_since(self, catch_up: CatchUp) -> datetime | None:
        """Return the time before which a catch-up ignores objects; None if it examines all."""
        if catch_up.is_full or self.caught_up_at is None:
            return self.since
        recent = self.caught_up_at - OVERLAP
        return recent if self.since is None else max(self.since, recent)

    def examines(self, modified_at: datetime, catch_up: CatchUp, *, is_newest: bool) -> bool:
        """Return True if a catch-up examines a version of an object.

        Of the objects that existed before the watch, it examines only the newest versions.
        """
        since = self.examines_since(catch_up)
        # S3 gives the time of an object in whole seconds.
        is_later = modified_at >= self.created_at.replace(microsecond=0)
        return (since is None or modified_at >= since) and (is_newest or is_later)

    def scope_of(self, key: str, now: datetime) -> str:
        """Return which batch of the watch gets the job of an object that is created now: a day, or a folder."""
        if self.grouping is Grouping.DAY:
            return now.astimezone(UTC).date().isoformat()
        return key.rpartition("/")[0]


def overlap(prefix: str, other: str) -> bool:
    """Return True if an object can be under both prefixes."""
    return prefix.startswith(other) or other.startswith(prefix)


def mark_of(source: ImportSource) -> str:
    """Return the mark of an object's version: 64 hexadecimal digits.

    A version is what S3 calls so. In a bucket without versioning, the ETag stands for it, so that the same content
    under the same key is one version.
    """
    version = source.location.version
    if version in {None, NULL_VERSION}:
        version = source.etag.strip('"')
    return hashlib.sha256(f"{source.location.key}\0{version}".encode()).hexdigest()


def is_day_over(day: str, now: datetime) -> bool:
    """Return True if the batch of a day can be closed."""
    return day < (now - CLOSING_MARGIN).astimezone(UTC).date().isoformat()
