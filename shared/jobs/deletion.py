"""The record of a deletion: which objects were deleted, and when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from shared.jobs.job import Job, JobStatus

#: How long a repeated request returns the same record.
RETENTION: Final = timedelta(days=30)
#: Maximum number of objects that the record lists. Further objects are only counted.
MAX_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """An object that was deleted."""

    key: str
    #: Bytes.
    size: int
    #: SHA-256, hexadecimal; None if the object is not in the job record, such as an output of a superseded attempt.
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """The record of one deleted job."""

    job_id: str
    owner: str
    #: When the job was deleted.
    deleted_at: datetime
    #: The first ``MAX_LISTED`` objects.
    objects: tuple[DeletedObject, ...]
    object_count: int
    #: Total size of all objects.
    bytes: int
    #: Whether the bucket keeps older versions of the deleted objects.
    leaves_versions: bool = False
    #: Whether the job had a webhook, so its events are in the log of deliveries.
    has_webhook: bool = False
    #: Whether a running attempt or a client with an upload form could store an object after the deletion.
    expects_objects: bool = False

    @property
    def expires_at(self) -> datetime:
        """Return when the record expires."""
        return self.deleted_at + RETENTION

    @classmethod
    def of(cls, job: Job, found: Iterable[tuple[str, int]]) -> Self:
        """Create the record of a job's deletion. ``job`` is the tombstone.

        ``found`` contains the key and size of each object of the job in the bucket. The digests are those of the job.
        """
        assert job.deleted_at is not None  # noqa: S101 - only tombstones are erased
        digests = {job.raw.key: job.raw.digest} | {output.key: output.digest for output in job.outputs}
        deleted = [DeletedObject(key, size, digests.get(key)) for key, size in found]
        return cls(
            job_id=job.id,
            owner=job.owner,
            deleted_at=job.deleted_at,
            objects=tuple(deleted[:MAX_LISTED]),
            object_count=len(deleted),
            bytes=sum(each.size for each in deleted),
            has_webhook=job.webhook is not None,
            expects_objects=job.declaration is not None or job.history[-1].status is JobStatus.PROCESSING,
        )
