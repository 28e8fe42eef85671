"""Imports of prefixes: members from the objects under a prefix of an S3 bucket, one chunk at a time.

The listing has the ETag and the size of each object, so most objects need no request of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from api.batches.schemas import PrefixRequest
from api.jobs.imports import Imports
from shared.aws.s3.source_store import ListedObject, SourceObject
from shared.clock import Clock
from shared.errors import SafelightError, ServiceError, SourceMissing, TooManyBytes
from shared.ids import new_id
from shared.jobs.batch import Batch
from shared.jobs.job import Job
from shared.jobs.prefix_import import MAX_EXAMPLES, PrefixImport, SkippedObject
from shared.jobs.source import parse_s3_location
from shared.parallel import map_parallel

#: Objects per request for a listing. S3 charges for each request, and returns at most 1,000.
LISTED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixImports:
    """Creates jobs from the objects under a prefix."""

    imports: Imports
    clock: Clock

    def start(self, request: PrefixRequest) -> PrefixImport:
        """Return a new import.

        Raises ImportOff or SourceForbidden if the bucket can't be imported from, SourceMissing if it does not exist or
        has no object under the prefix, or ServiceError if S3 fails.
        """
        fill = request.to_import()
        self.imports.require_bucket(fill.bucket)
        if not self.imports.sources.list_objects(fill.bucket, fill.prefix, after="", limit=1).objects:
            raise SourceMissing(f"There is no object under {fill.uri}.")
        return fill

    def build_chunk(self, batch: Batch, fill: PrefixImport, limit: int) -> tuple[list[Job], PrefixImport]:
        """Return up to ``limit`` next members and the import with its new position, without writing them.

        Raises ImportOff or SourceForbidden if the bucket can no longer be imported from, SourceMissing if it no longer
        exists, or ServiceError if S3 fails.
        """
        batch.require_pipeline()
        self.imports.require_bucket(fill.bucket)
        page = self.imports.sources.list_objects(fill.bucket, fill.prefix, after=fill.after, limit=LISTED)
        taken: list[ListedObject] = []
        examined = 0
        for each in page.objects:
            if fill.matches(each.object.source.location.key):
                if len(taken) == limit:
                    break
                taken.append(each)
            examined += 1
        checked = self._check(taken)
        now = self.clock()
        jobs = [
            self.imports.build_job(found, batch.spec, None, batch.owner, job_id=new_id(now), at=now, batch_id=batch.id)
            for found in checked.values()
            if isinstance(found, SourceObject)
        ]
        skipped = [
            SkippedObject(key=key, code=error.code)
            for key, error in checked.items()
            if isinstance(error, SafelightError)
        ]
        last = page.objects[examined - 1].object.source.location.key if examined else fill.after
        return jobs, replace(
            fill,
            after=last,
            examined=fill.examined + examined,
            skipped=fill.skipped + len(skipped),
            examples=(*fill.examples, *skipped)[:MAX_EXAMPLES],
            complete=page.is_last and examined == len(page.objects),
        )

    def _check(self, taken: Sequence[ListedObject]) -> Mapping[str, SourceObject | SafelightError]:
        """Return for each key the object, or the error because of which it can't become a job."""
        keys = [each.object.source.location.key for each in taken]
        return dict(zip(keys, map_parallel(self.check_object, taken), strict=True))

    def check_object(self, listed: ListedObject) -> SourceObject | SafelightError:
        """Return the object, or the error because of which it can't become a job. Raises ServiceError if S3 fails."""
        location = listed.object.source.location
        try:
            if parse_s3_location(location.uri, location.version) != location:
                raise SourceMissing("Keys with . or .. between slashes can't be imported.")
            if listed.object.size > self.imports.max_bytes:
                raise TooManyBytes
            # A listing does not say whether an archived object was restored.
            return self.imports.inspect(location) if listed.is_archived else listed.object
        except ServiceError:
            raise
        except SafelightError as error:
            return error
