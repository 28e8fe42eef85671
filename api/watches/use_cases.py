"""Watches: create, read, list, pause, resume and delete them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from api.dependencies import Dependencies
from api.watches.catch_up import require_watchable
from api.watches.schemas import WatchRequest
from shared.aws.dynamodb.watches.watch_objects import WatchObjects
from shared.aws.dynamodb.watches.watch_table import WatchTable
from shared.aws.s3.source_store import SourceStore
from shared.errors import WatchNotFound
from shared.ids import is_id
from shared.jobs.job_spec import JobSpec
from shared.jobs.prefix_import import SkippedObject
from shared.jobs.watch import Watch
from shared.parallel import map_parallel


@dataclass(frozen=True, slots=True)
class WatchState:
    """A watch, and some of the objects that can't become a job."""

    watch: Watch
    examples: tuple[SkippedObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watches:
    """Manages watches."""

    table: WatchTable
    objects: WatchObjects
    sources: SourceStore
    #: Buckets that can be watched, without the image bucket.
    buckets: frozenset[str]

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            table=dependencies.watches,
            objects=dependencies.watch_objects,
            sources=dependencies.sources,
            buckets=dependencies.settings.watchable_buckets,
        )

    def create(  # noqa: PLR0913 - the watch, the request
        self, request: WatchRequest, spec: JobSpec, owner: str, *, watch_id: str, at: datetime, is_repeat: bool
    ) -> Watch:
        """Create a watch whose jobs have a spec.

        Raises WatchOff or SourceForbidden if the bucket can't be watched, SourceMissing if it does not exist,
        WatchOverlap or TooManyWatches.
        """
        fill = request.prefix.to_import()
        require_watchable(fill.bucket, self.buckets)
        if not is_repeat:
            self.sources.list_objects(fill.bucket, fill.prefix, after="", limit=1)
        return self.table.create(
            Watch(
                id=watch_id,
                owner=owner,
                bucket=fill.bucket,
                prefix=fill.prefix,
                include=fill.include,
                grouping=request.batch,
                created_at=at,
                # S3 gives the time of an object in whole seconds.
                since=None if request.existing else at.replace(microsecond=0),
                **replace(spec, tags=tuple(sorted(request.tags.items()))).spec_fields(),
            )
        )

    def get(self, watch_id: str, owner: str) -> WatchState:
        """Return one of the owner's watches. Raises WatchNotFound."""
        return self._read(self.find(watch_id, owner))

    def find(self, watch_id: str, owner: str) -> Watch:
        """Return one of the owner's watches without examples. Raises WatchNotFound."""
        identifier = watch_id.upper()
        if not is_id(identifier):
            raise WatchNotFound
        return self.table.get(identifier, owner)

    def list(self, owner: str) -> list[WatchState]:
        """Return the owner's watches, newest first."""
        ids = sorted((entry.id for entry in self.table.list_entries() if entry.owner == owner), reverse=True)
        found = map_parallel(self.table.find, ids)
        return map_parallel(self._read, [each for each in found if each is not None])

    def _read(self, watch: Watch) -> WatchState:
        return WatchState(watch, tuple(self.objects.list_skipped(watch)) if watch.skipped else ())
