"""Imports: jobs that are created from objects in S3, or from files on web servers.

The API only reads the metadata of the object and stores it in the job record. The worker copies the object as a step of
an attempt. A request for 100 members therefore needs 100 concurrent metadata requests, but no copies, which can take
seconds each. A copy that is interrupted or repeated is handled like any other step of an attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.jobs.submission import Submitted, notify_worker
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.source_store import SourceObject, SourceStore
from shared.aws.sqs import JobQueues
from shared.errors import ImportOff, SafelightError, ServiceError, SourceForbidden, TooManyBytes
from shared.filenames import clean_filename
from shared.jobs import object_keys
from shared.jobs.job import Job, RawImage
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import S3Location, UrlSource, find_source_problem
from shared.parallel import map_parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """Creates jobs from objects in S3 and from files on web servers."""

    jobs: JobTable
    sources: SourceStore
    queues: JobQueues
    own_bucket: str
    #: Buckets from which every caller may import objects.
    open_buckets: frozenset[str]
    max_bytes: int
    due_after: timedelta
    retention: timedelta
    #: Patterns of the hosts from which every caller may import files. The walker imports none.
    open_hosts: frozenset[str] = frozenset()
    #: True if the URLs of files can use internal hosts and plain HTTP.
    allow_internal: bool = False

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
            open_hosts=settings.open_hosts,
            allow_internal=settings.allows_internal_sources,
            max_bytes=settings.max_raw_bytes,
            due_after=dependencies.due_after,
            retention=dependencies.retention,
        )

    def inspect(self, location: S3Location) -> SourceObject:
        """Return the metadata of an object to import.

        Imports from the image bucket are never allowed, because it contains the images of all owners. Raises ImportOff,
        SourceForbidden, SourceMissing, SourceArchived or TooManyBytes if the object can't be imported.
        """
        self.require_bucket(location.bucket)
        found = self.sources.find(location)
        if found.size > self.max_bytes:
            raise TooManyBytes(f"The object has {found.size:,} bytes. At most {self.max_bytes:,} are allowed.")
        return found

    def require_bucket(self, bucket: str) -> None:
        """Raise ImportOff or SourceForbidden unless every caller may import objects from this bucket."""
        if not self.open_buckets:
            raise ImportOff
        if bucket not in self.open_buckets or bucket == self.own_bucket:
            raise SourceForbidden("Imports from this bucket are not allowed.")

    def find(self, location: S3Location | UrlSource) -> SourceObject | UrlSource:
        """Return what to import. A URL is only checked; the worker downloads the file.

        Raises the errors of :meth:`inspect`.
        """
        if isinstance(location, S3Location):
            return self.inspect(location)
        if not self.open_hosts:
            raise ImportOff
        if problem := find_source_problem(location.url, self.open_hosts, allow_internal=self.allow_internal):
            raise SourceForbidden(f"The source {problem}.")
        return location

    def inspect_all(
        self, locations: Mapping[str, S3Location | UrlSource]
    ) -> dict[str, SourceObject | UrlSource | SafelightError]:
        """Inspect many objects concurrently. Return for each key its metadata, or the error if it can't be imported.

        Raises ServiceError if S3 fails.
        """

        def inspect(location: S3Location | UrlSource) -> SourceObject | UrlSource | SafelightError:
            try:
                return self.find(location)
            except ServiceError:
                raise
            except SafelightError as error:
                return error

        return dict(zip(locations, map_parallel(inspect, locations.values()), strict=True))

    def build_job(  # noqa: PLR0913 - the object, the job, the request
        self,
        found: SourceObject | UrlSource,
        spec: JobSpec,
        filename: str | None,
        owner: str,
        *,
        job_id: str,
        at: datetime,
        batch_id: str | None = None,
    ) -> Job:
        """Return a job for an inspected object, without writing it."""
        source, size = (found, None) if isinstance(found, UrlSource) else (found.source, found.size)
        return Job.new(
            spec,
            job_id=job_id,
            filename=clean_filename(filename or source.filename) or f"{job_id}.bin",
            raw=RawImage(key=object_keys.import_key(job_id), size=size),
            owner=owner,
            now=at,
            due_after=self.due_after,
            retention=self.retention,
            source=source,
            batch_id=batch_id,
        )

    def import_image(  # noqa: PLR0913 - the object, the job, the request
        self,
        location: S3Location | UrlSource,
        spec: JobSpec,
        filename: str | None,
        owner: str,
        *,
        job_id: str,
        at: datetime,
    ) -> Submitted:
        """Create a job for an object or file.

        Raises the errors of :meth:`inspect`, or ServiceError if AWS fails.
        """
        found = self.find(location)
        job = self.jobs.create(self.build_job(found, spec, filename, owner, job_id=job_id, at=at))
        return Submitted(job, notify_worker(job, self.queues))
