"""Imports: jobs that are created from objects in S3, files on web servers, or stored raw images of other jobs.

The API only reads the metadata of the object and stores it in the job record. The worker copies the object as a step of
an attempt. A request for 100 members therefore needs 100 concurrent metadata requests, but no copies, which can take
seconds each. A copy that is interrupted or repeated is handled like any other step of an attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from api.dependencies import Dependencies
from api.jobs.job_spec import Catalog, resolve_job_spec
from api.jobs.options import ImportRequest
from api.jobs.stored_images import StoredImage, find_stored_image, get_source_job, require_stored_image
from api.jobs.submission import Submitted, notify_worker
from api.presets.output_budget import ExpectedImage
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.source_store import SourceObject, SourceStore
from shared.aws.sqs import JobQueues
from shared.errors import ImportOff, SafelightError, ServiceError, SourceForbidden, TooManyBytes
from shared.filenames import clean_filename
from shared.jobs import object_keys
from shared.jobs.job import Job, RawImage
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import JobReference, S3Location, UrlSource, find_source_problem
from shared.parallel import map_parallel

#: Where an image is, as a request names it.
Location = S3Location | UrlSource | JobReference
#: What a job imports.
Found = SourceObject | UrlSource | StoredImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """Creates jobs from objects in S3, from files on web servers and from stored raw images of other jobs."""

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
        self._require_size(found.size)
        return found

    def _require_size(self, size: int) -> None:
        if size > self.max_bytes:
            raise TooManyBytes(f"The object has {size:,} bytes. At most {self.max_bytes:,} are allowed.")

    def require_bucket(self, bucket: str) -> None:
        """Raise ImportOff or SourceForbidden unless every caller may import objects from this bucket."""
        if not self.open_buckets:
            raise ImportOff
        if bucket not in self.open_buckets or bucket == self.own_bucket:
            raise SourceForbidden("Imports from this bucket are not allowed.")

    def find_stored(self, job: Job) -> StoredImage | None:
        """Return the raw image of a job, or None if it is not stored. Raises ServiceError if S3 fails."""
        return find_stored_image(job, self.sources, self.own_bucket)

    def require_stored(self, job: Job) -> StoredImage:
        """Return the raw image of a job. Raises the errors of ``require_stored_image``, or TooManyBytes."""
        found = require_stored_image(job, self.sources, self.own_bucket)
        self._require_size(found.size)
        return found

    def find(self, location: Location, owner: str, *, at: datetime) -> Found:
        """Return what to import. A URL is only checked; the worker downloads the file.

        Raises the errors of :meth:`inspect`, or for a job those of ``get_source_job`` and ``require_stored_image``.
        """
        if isinstance(location, JobReference):
            return self.require_stored(get_source_job(location, owner, None, self.jobs, at=at))
        if isinstance(location, S3Location):
            return self.inspect(location)
        if not self.open_hosts:
            raise ImportOff
        if problem := find_source_problem(location.url, self.open_hosts, allow_internal=self.allow_internal):
            raise SourceForbidden(f"The source {problem}.")
        return location

    def inspect_all(
        self, locations: Mapping[str, Location], owner: str, *, at: datetime
    ) -> dict[str, Found | SafelightError]:
        """Inspect many objects concurrently. Return for each key its metadata, or the error if it can't be imported.

        Raises ServiceError if S3 fails.
        """

        def inspect(location: Location) -> Found | SafelightError:
            try:
                return self.find(location, owner, at=at)
            except ServiceError:
                raise
            except SafelightError as error:
                return error

        return dict(zip(locations, map_parallel(inspect, locations.values()), strict=True))

    def build_job(  # noqa: PLR0913 - the object, the job, the request
        self,
        found: Found,
        spec: JobSpec,
        filename: str | None,
        owner: str,
        *,
        job_id: str,
        at: datetime,
        batch_id: str | None = None,
    ) -> Job:
        """Return a job for an inspected object, without writing it."""
        key = object_keys.import_key(job_id)
        source = found if isinstance(found, UrlSource) else found.source
        raw, name = RawImage(key=key), filename or source.filename
        if isinstance(found, SourceObject):
            raw = RawImage(key=key, size=found.size)
        elif isinstance(found, StoredImage):
            raw, spec, name = found.copy_raw(key), found.copy_tags(spec), filename or found.job.filename
        return Job.new(
            spec,
            job_id=job_id,
            filename=clean_filename(name) or f"{job_id}.bin",
            raw=raw,
            owner=owner,
            now=at,
            due_after=self.due_after,
            retention=self.retention,
            source=source,
            batch_id=batch_id,
        )

    def import_image(  # noqa: PLR0913 - the object, the job, the request
        self,
        request: ImportRequest,
        catalog: Catalog,
        filename: str | None,
        owner: str,
        *,
        job_id: str,
        at: datetime,
    ) -> Submitted:
        """Create a job from a source.

        Raises the errors of :meth:`find` and of ``resolve_job_spec``, or ServiceError if AWS fails.
        """
        location = request.location()
        if isinstance(location, JobReference):
            original = get_source_job(location, owner, catalog.grant, self.jobs, at=at)
            spec = resolve_job_spec(request, catalog, ExpectedImage.of(original.raw))
            found: Found = self.require_stored(original)
        else:
            # Nothing is read for a caller whose upload token forbids imports.
            spec = resolve_job_spec(request, catalog)
            found = self.find(location, owner, at=at)
        job = self.jobs.create(self.build_job(found, spec, filename, owner, job_id=job_id, at=at))
        return Submitted(job, notify_worker(job, self.queues))
