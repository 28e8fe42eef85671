"""A backfill: a batch whose members are made from images that are stored already, by a query over their jobs.

The batch keeps the query and how far the walk through the jobs has come. Members and that place are written in one
transaction, so whoever goes on, and however often, makes exactly one member for each job that the query names.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.jobs.job import Job, JobStatus
from shared.pipeline.image_formats import BY_NAME

#: Jobs looked at, and members made at most, in one transaction.
CHUNK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillFilter:
    """Which jobs' images; None for any."""

    status: JobStatus | None = JobStatus.COMPLETED
    batch_id: str | None = None
    #: Uploaded at this moment or later.
    since: datetime | None = None
    #: Uploaded before this moment; at the latest, when the backfill was made.
    until: datetime | None = None
    preset: str | None = None
    preset_version: int | None = None
    #: Of the raw image.
    format: str | None = None
    #: Whether images count that an earlier backfill has copied; else each is taken from its first job alone.
    copies: bool = False

    def matches(self, job: Job, bucket: str) -> bool:
        """Tell whether a job's image is wanted and known; ``bucket`` is that of the images.

        What a worker has not read, or has found to be no image, is left out: its bytes may be anything.
        """
        ref = job.preset
        return (
            job.raw.format in BY_NAME
            and job.raw.digest is not None
            and self.format in {None, job.raw.format}
            and self.preset in {None, ref.name if ref else None}
            and self.preset_version in {None, ref.version if ref else None}
            and (self.copies or job.source is None or job.source.location.bucket != bucket)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The query of a batch, and how far it is done."""

    filter: BackfillFilter
    #: ID of the last job that is done with; the walk goes from the newest to the oldest.
    before: str
    #: Jobs that were wanted and whose image is no longer there.
    skipped: int = 0
    complete: bool = False
