"""A backfill: a batch whose members are created from the stored images of jobs that match a filter.

The batch stores the filter and the position in the list of jobs. One transaction writes new members and the new
position, so repeated or concurrent calls create exactly one member for each matching job.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.jobs.job import Job, JobStatus
from shared.jobs.source import ImportSource
from shared.pipeline.image_formats import BY_NAME

#: Maximum number of jobs to examine, and of members to create, in one transaction.
CHUNK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillFilter:
    """The filter for jobs whose images are processed again. A field that is None accepts any value."""

    status: JobStatus | None = JobStatus.COMPLETED
    batch_id: str | None = None
    #: Uploaded at this time or later.
    since: datetime | None = None
    #: Uploaded before this time, which is never later than the creation of the backfill.
    until: datetime | None = None
    preset: str | None = None
    preset_version: int | None = None
    #: Format of the raw image.
    format: str | None = None
    #: Whether to include images that an earlier backfill has copied.
    copies: bool = False

    def matches(self, job: Job, bucket: str) -> bool:
        """Return True if a job matches the format, preset, preset version and ``copies``.

        The listing that finds the jobs checks the other fields. ``bucket`` is the image bucket. A job never matches if
        the digest of its raw image is unknown, or if the raw image does not have an accepted format.
        """
        ref = job.preset
        return (
            job.raw.format in BY_NAME
            and job.raw.digest is not None
            and self.format in {None, job.raw.format}
            and self.preset in {None, ref.name if ref else None}
            and self.preset_version in {None, ref.version if ref else None}
            and (self.copies or not isinstance(job.source, ImportSource) or job.source.location.bucket != bucket)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The filter of a backfill and its position."""

    filter: BackfillFilter
    #: ID of the last job that was examined. Jobs are examined from newest to oldest.
    before: str
    #: Matching jobs whose image is no longer stored.
    skipped: int = 0
    complete: bool = False
