"""Jobs whose images lie in S3 already: the use cases, without HTTP.

The API looks at the object and writes down which one it was; the worker copies it. So a request with a hundred
members takes a hundred looks, side by side, and no copy: a copy may take seconds. The record is written before its
message, as always, and the copy is part of an attempt: it can be lost, come twice or meet a deletion like any other
step of one, and what makes that harmless is there already.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.jobs.job_spec import Choice
from api.jobs.submission import Submitted, send_hint
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.source_store import SourceObject, SourceStore
from shared.aws.sqs import JobQueues
from shared.errors import ImportOff, JobNotFound, SafelightError, ServiceError, SourceForbidden, TooManyBytes
from shared.filenames import clean_filename
from shared.jobs import object_keys
from shared.jobs.job import Job, RawImage
from shared.jobs.source import S3Location
from shared.parallel import map_parallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Dock:
    """What imports work with."""

    jobs: JobTable
    sources: SourceStore
    queues: JobQueues
    own_bucket: str
    #: Whose objects any caller may have copied.
    open_buckets: frozenset[str]
    max_bytes: int
    due_after: timedelta
    retention: timedelta


def look(location: S3Location, dock: Dock) -> SourceObject:
    """Look at an object that is to be copied.

    Raises ImportOff, SourceForbidden, SourceMissing, SourceArchived or TooManyBytes. The image bucket is never open,
    whatever the settings say: it holds the images of all owners.
    """
    if not dock.open_buckets:
        raise ImportOff
    if location.bucket not in dock.open_buckets or location.bucket == dock.own_bucket:
        raise SourceForbidden("Nothing may be copied from this bucket.")
    found = dock.sources.find(location)
    if found.size > dock.max_bytes:
        raise TooManyBytes(f"The object has {found.size:,} bytes; {dock.max_bytes:,} are allowed.")
    return found


def look_at_all(locations: Mapping[str, S3Location], dock: Dock) -> dict[str, SourceObject | SafelightError]:
    """Look at many objects side by side; by the same names, what was found or why it can't be copied.

    Raises ServiceError when S3 does not answer.
    """

    def one(location: S3Location) -> SourceObject | SafelightError:
        try:
            return look(location, dock)
        except ServiceError:
            raise
        except SafelightError as error:
            return error

    return dict(zip(locations, map_parallel(one, locations.values()), strict=True))


def imported(  # noqa: PLR0913 - what, how, whose, when
    found: SourceObject,
    filename: str | None,
    choice: Choice,
    owner: str,
    dock: Dock,
    *,
    job_id: str,
    at: datetime,
    batch_id: str | None = None,
) -> Job:
    """Return the job of an object that was looked at; nothing is written."""
    return Job.new(
        job_id=job_id,
        filename=clean_filename(filename or found.source.location.filename) or f"{job_id}.bin",
        raw=RawImage(key=object_keys.import_key(job_id), size=found.size),
        pipeline=choice.pipeline,
        preset=choice.preset,
        assets=choice.assets,
        webhook=choice.webhook,
        owner=owner,
        now=at,
        due_after=dock.due_after,
        retention=dock.retention,
        source=found.source,
        batch_id=batch_id,
    )


def import_picture(  # noqa: PLR0913 - what, how, whose, when
    location: S3Location,
    filename: str | None,
    choice: Choice,
    owner: str,
    dock: Dock,
    *,
    job_id: str,
    at: datetime,
    again: bool,
) -> Submitted:
    """Make a job whose image is copied. One that is made ``again`` is the first try's, whatever the object is now.

    Raises what :func:`look` does, or ServiceError.
    """
    if again:
        with suppress(JobNotFound):
            job = dock.jobs.get(job_id)
            return Submitted(job, send_hint(job, dock.queues))
    found = look(location, dock)
    job = dock.jobs.create(imported(found, filename, choice, owner, dock, job_id=job_id, at=at))
    return Submitted(job, send_hint(job, dock.queues))
