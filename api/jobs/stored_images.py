"""Raw images of the caller's other jobs as sources: ``job:ID`` in requests, and the members of backfills.

The new job gets its own copy, which the worker makes as in an import. So deletions need no reference counts, and each
job has its own retention.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from api.jobs.lifecycle import get_own_job, require_granted, require_unexpired
from api.jobs.responses import RETRY_AFTER_SECONDS
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.source_store import SourceObject, SourceStore
from shared.errors import (
    FieldError,
    JobNotFound,
    RawImageMissing,
    SafelightError,
    ServiceError,
    SourceNotReady,
    SourceUnusable,
    UnknownJob,
)
from shared.jobs.job import Job, RawImage
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import ImportSource, JobReference, S3Location
from shared.jobs.upload_token import UploadToken
from shared.pipeline.image_formats import BY_NAME


@dataclass(frozen=True, slots=True)
class StoredImage:
    """The raw image of a job, which S3 has."""

    job: Job
    object: SourceObject

    @property
    def source(self) -> ImportSource:
        """Return the source of a job that processes this image."""
        return replace(self.object.source, job_id=self.job.id)

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return self.object.size

    def copy_raw(self, key: str) -> RawImage:
        """Return the raw image of a job that processes this image and copies it to ``key``.

        It has the digest, if one is known, so the worker accepts no other bytes.
        """
        raw, declared = self.job.raw, self.job.declaration
        digest = raw.digest or (declared.digest if declared else None)
        return RawImage(key=key, size=self.size, format=raw.format, digest=digest)

    def copy_tags(self, spec: JobSpec) -> JobSpec:
        """Return a spec with the tags of the job, unless it has its own. So a search for a tag finds all copies."""
        return spec if spec.tags else replace(spec, tags=self.job.tags)


def get_source_job(
    reference: JobReference, owner: str, grant: UploadToken | None, jobs: JobTable, *, at: datetime
) -> Job:
    """Return the job that a request names as its source.

    Raises UnknownJob if the caller has no such job. With an upload token, only jobs of the token can be a source.
    """
    try:
        require_granted(reference.job_id, grant, jobs)
        return require_unexpired(get_own_job(reference.job_id, owner, jobs), at)
    except JobNotFound as error:
        why = f"you have no job {reference.job_id}. It may have expired, or was deleted. Upload the image"
        raise UnknownJob(errors=(FieldError("/source", why),)) from error


def find_stored_image(job: Job, sources: SourceStore, bucket: str) -> StoredImage | None:
    """Return the raw image of a job, or None if it is not stored. Raises ServiceError if S3 fails."""
    try:
        return StoredImage(job, sources.find(S3Location(bucket=bucket, key=job.raw.key)))
    except ServiceError:
        raise
    except SafelightError:
        return None


def require_stored_image(job: Job, sources: SourceStore, bucket: str) -> StoredImage:
    """Return the raw image of a job that a request names as its source.

    Raises SourceNotReady if it may be replaced or does not exist yet, SourceUnusable if the job has failed because the
    file is not an image or not the declared one, RawImageMissing if it is not stored, or ServiceError if S3 fails.
    """
    if not job.status.is_terminal and (job.declaration is not None or job.source is not None):
        why = (
            f"no worker has read the image of job {job.id} yet; the job is {job.status.value}. Wait until it has ended"
        )
        raise SourceNotReady(errors=(FieldError("/source", why),), retry_after_seconds=RETRY_AFTER_SECONDS)
    if (problem := _find_problem(job)) is not None:
        why = f"the file of job {job.id} {problem}. Upload another file"
        raise SourceUnusable(errors=(FieldError("/source", why),))
    found = find_stored_image(job, sources, bucket)
    if found is None:
        why = f"the raw image of job {job.id} is no longer stored. Upload the image again"
        raise RawImageMissing(errors=(FieldError("/source", why),))
    return found


def _find_problem(job: Job) -> str | None:
    """Return why no job can process the file of a job, whatever its pipeline is. None if it is unknown or can be."""
    raw = job.raw
    if raw.digest is None:  # no worker has read it
        return None
    image_format = BY_NAME.get(raw.format or "")
    if image_format is None:
        return "is not an image in an accepted format"
    mismatch = job.declaration.find_mismatch(image_format, raw.size, raw.digest) if job.declaration else None
    return f"is not the one that was declared ({mismatch.code})" if mismatch else None
