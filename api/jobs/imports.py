"""Imports: jobs whose images are copied from S3.

The API reads the object's metadata and records which object it was. The worker copies it as part of an attempt, so
a request with 100 members makes 100 concurrent metadata requests and no copy, which may take seconds. A copy that is
lost, repeated or interrupted by a deletion is handled like any other step of an attempt.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.jobs.submission import Submitted, notify_worker
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.source_store import SourceObject, SourceStore
from shared.aws.sqs import JobQueues
from shared.errors import ImportOff, JobNotFound, SafelightError, ServiceError, SourceForbidden, TooManyBytes
from shared.filenames import clean_filename
from shared.jobs import object_keys
from shared.jobs.job import Job, RawImage
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import S3Location
from shared.parallel import map_parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """Creates jobs from objects in S3."""

    jobs: JobTable
    sources: SourceStore
    queues: JobQueues
    own_bucket: str
    #: Buckets that every caller may import from.
    open_buckets: frozenset[str]
    max_bytes: int
    due_after: timedelta
    retention: timedelta

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        settings = dependencies.settings
        return cls(
            jobs=dependencies.jobs,
            sources=dependencies.sources,
            queues=dependencies.queues,
            own_bucket=settings.image_bucket,
            open_buckets=frozenset(filter(None, settings.import_buckets.split(","))),
            max_bytes=settings.max_raw_bytes,
            due_after=dependencies.due_after,
            retention=dependencies.retention,
        )

    def inspect(self, location: S3Location) -> SourceObject:
        """Return the metadata of an object to copy.

        The image bucket is never open, whatever the settings say, because it holds the images of all owners. Raises
        ImportOff, SourceForbidden, SourceMissing, SourceArchived or TooManyBytes.
        """
        if not self.open_buckets:
            raise ImportOff
        if location.bucket not in self.open_buckets or location.bucket == self.own_bucket:
            raise SourceForbidden("Imports from this bucket are not allowed.")
        found = self.sources.find(location)
        if found.size > self.max_bytes:
            raise TooManyBytes(f"The object has {found.size:,} bytes; {self.max_bytes:,} are allowed.")
        return found

    def inspect_all(self, locations: Mapping[str, S3Location]) -> dict[str, SourceObject | SafelightError]:
        """Inspect many objects concurrently. Return by the same names the metadata, or why it can't be copied.

        Raises ServiceError if S3 does not answer.
        """

        def inspect(location: S3Location) -> SourceObject | SafelightError:
            try:
                return self.inspect(location)
            except ServiceError:
                raise
            except SafelightError as error:
                return error

        return dict(zip(locations, map_parallel(inspect, locations.values()), strict=True))

    def build_job(  # noqa: PLR0913 - the object, the job, the request
        self,
        found: SourceObject,
        spec: JobSpec,
        filename: str | None,
        owner: str,
        *,
        job_id: str,
        at: datetime,
        batch_id: str | None = None,
    ) -> Job:
        """Return the job of an inspected object, without writing it."""
        return Job.new(
            spec,
            job_id=job_id,
            filename=clean_filename(filename or found.source.location.filename) or f"{job_id}.bin",
            raw=RawImage(key=object_keys.import_key(job_id), size=found.size),
            owner=owner,
            now=at,
            due_after=self.due_after,
            retention=self.retention,
            source=found.source,
            batch_id=batch_id,
        )

    def import_image(  # noqa: PLR0913 - the object, the job, the request
        self,
        location: S3Location,
        spec: JobSpec,
        filename: str | None,
        owner: str,
        *,
        job_id: str,
        at: datetime,
        is_repeat: bool,
    ) -> Submitted:
        """Create a job whose image is copied. A repeated request returns its first job, even if the object changed.

        Raises what :meth:`inspect` raises, or ServiceError.
        """
        if is_repeat:
            with suppress(JobNotFound):
                job = self.jobs.get(job_id)
                return Submitted(job, notify_worker(job, self.queues))
        found = self.inspect(location)
        job = self.jobs.create(self.build_job(found, spec, filename, owner, job_id=job_id, at=at))
        return Submitted(job, notify_worker(job, self.queues))
