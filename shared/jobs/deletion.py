"""What a deletion says of itself: which objects went, and since when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from shared.jobs.job import Job

#: For so long the same statement is given again.
RETENTION: Final = timedelta(days=30)
#: Objects that a statement names; ten outputs in each of ten attempts. Others are only counted.
MAX_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """An object that was deleted."""

    key: str
    #: Bytes.
    size: int
    #: SHA-256, hexadecimal; None for what no record names, such as the results of a beaten attempt.
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """The statement about one deleted job."""

    job_id: str
    owner: str
    #: The moment from which the job was gone for everybody.
    deleted_at: datetime
    #: At most ``MAX_LISTED``.
    objects: tuple[DeletedObject, ...]
    object_count: int
    #: Of all objects.
    bytes: int
    #: Whether the bucket keeps older versions of what is deleted.
    leaves_versions: bool = False

    @property
    def expires_at(self) -> datetime:
        """Return until when the statement is kept."""
        return self.deleted_at + RETENTION

    @classmethod
    def of(cls, job: Job, found: Iterable[tuple[str, int]]) -> Self:
        """State what goes with the tombstone of a job: keys and sizes as found, digests as the record has them."""
        assert job.deleted_at is not None  # noqa: S101 - only tombstones are erased
        digests = {job.raw.key: job.raw.digest} | {output.key: output.digest for output in job.outputs}
        gone = [DeletedObject(key, size, digests.get(key)) for key, size in found]
        return cls(
            job_id=job.id,
            owner=job.owner,
            deleted_at=job.deleted_at,
            objects=tuple(gone[:MAX_LISTED]),
            object_count=len(gone),
            bytes=sum(each.size for each in gone),
        )
