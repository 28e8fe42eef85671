"""Creation of jobs from the objects that a watch has found: in an event, or in a listing of its prefix.

Both ways lead here. The mark of an object's version decides whether it gets a job, so their order does not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from api.batches.members import notify_workers
from api.batches.prefix_imports import PrefixImports
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.watches.watch_objects import CHUNK, DELETED, OpenBatch, WatchObjects
from shared.aws.s3.source_store import ListedObject, SourceObject
from shared.clock import Clock
from shared.errors import BatchClosed, BatchNotFound, QuotaExceeded, SafelightError, ServiceThrottled
from shared.ids import new_id
from shared.jobs.batch import Batch
from shared.jobs.prefix_import import SkippedObject
from shared.jobs.watch import QUIET, Grouping, Watch, is_day_over, mark_of
from shared.observability import make_logger
from shared.parallel import MAX_CONCURRENCY, map_parallel

MAX_TRIES = 5
#: Maximum length of a batch's name.
MAX_NAME = 200
#: Objects by their mark, or the error because of which one can't become a job.
Found = Mapping[str, SourceObject | SafelightError]

logger = make_logger("watches")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchIntake:
    """Creates the jobs of watches."""

    prefixes: PrefixImports
    batches: BatchTable
    objects: WatchObjects
    clock: Clock
    retention: timedelta

    def accept(self, watch: Watch, found: Sequence[ListedObject]) -> None:
        """Create a job for each object that has none.

        Raises WatchPaused if the watch is paused or deleted, TooManyOpenJobs or DailyBytesExceeded if a limit of the
        owner does not allow another job, or ServiceError if AWS fails. The jobs of the first objects are created then.
        """
        listed = {mark_of(each.object.source): each for each in found}
        # Unlike the jobs, the folders of objects do not depend on the time, so they can be grouped before.
        now, groups = self.clock(), dict[str, list[str]]()
        for mark, each in listed.items():
            groups.setdefault(watch.scope_of(each.object.source.location.key, now), []).append(mark)
        for marks in groups.values():
            for start in range(0, len(marks), CHUNK):
                chunk = marks[start : start + CHUNK]
                seen = self.objects.find_seen(watch, chunk)
                self._store(watch, self._check({mark: listed[mark] for mark in chunk if mark not in seen}), listed)

    def _check(self, new: Mapping[str, ListedObject]) -> Found:
        return dict(zip(new, map_parallel(self.prefixes.check_object, new.values()), strict=True))

    def _store(self, watch: Watch, checked: Found, listed: Mapping[str, ListedObject]) -> None:
        """Create the jobs of some objects of one scope. Without room for all of them, create those that have room."""
        left = checked
        for _ in range(MAX_TRIES):
            if not left:
                return
            now = self.clock()
            key = listed[next(iter(left))].object.source.location.key
            # Without jobs, no batch is needed, and an empty one would be in the owner's list.
            has_jobs = any(isinstance(each, SourceObject) for each in left.values())
            batch = self._find_batch(watch, watch.scope_of(key, now), now) if has_jobs else None
            try:
                if self._create(watch, batch, left, listed, now):
                    return
            except BatchClosed:
                if batch is not None:
                    self._renew(watch, batch, now)
            except QuotaExceeded:
                if len(left) == 1:
                    raise
                half = len(left) // 2
                self._store(watch, dict(islice(left.items(), half)), listed)
                self._store(watch, dict(islice(left.items(), half, None)), listed)
                return
            seen = self.objects.find_seen(watch, list(left))
            left = {mark: each for mark, each in left.items() if mark not in seen}
        raise ServiceThrottled(retry_after_seconds=1)

    def _create(
        self, watch: Watch, batch: OpenBatch | None, checked: Found, listed: Mapping[str, ListedObject], now: datetime
    ) -> bool:
        """Create jobs and send their messages. Return False if an object was handled meanwhile."""
        imports = self.prefixes.imports
        batch_id = batch.batch_id if batch is not None else ""
        jobs = {
            mark: imports.build_job(each, watch.spec, None, watch.owner, job_id=new_id(now), at=now, batch_id=batch_id)
            for mark, each in checked.items()
            if isinstance(each, SourceObject)
        }
        skipped = {
            mark: SkippedObject(key=listed[mark].object.source.location.key, code=each.code)
            for mark, each in checked.items()
            if isinstance(each, SafelightError)
        }
        if not self.objects.accept(watch, batch_id, jobs, skipped, expires_at=now + self.retention):
            return False
        error = notify_workers(list(jobs.values()), imports.queues)
        if error is not None:
            logger.error("Messages not sent; the reconciler sends them later", exc_info=error)
        return True

    # ------------------------------------------------------------------------------------ batches

    def _find_batch(self, watch: Watch, scope: str, now: datetime) -> OpenBatch:
        """Return the open batch of a scope. Start one if there is none."""
        return self.objects.find_batch(watch, scope) or self._start(watch, scope, None, now)

    def _start(self, watch: Watch, scope: str, old: OpenBatch | None, now: datetime) -> OpenBatch:
        """Start a batch in place of ``old``, or return the one that another function has started meanwhile."""
        new = OpenBatch(scope=scope, batch_id=new_id(now), started_at=now)
        if not self.objects.replace_batch(watch, old, new):
            found = self.objects.find_batch(watch, scope)
            if found is None:
                raise ServiceThrottled(retry_after_seconds=1)
            return found
        self._create_batch(watch, new, now)
        return new

    def _renew(self, watch: Watch, batch: OpenBatch, now: datetime) -> None:
        """Start another batch in place of one that is closed, or create one that does not exist yet."""
        try:
            found = self.batches.get(batch.batch_id, watch.owner, now=now).batch
        except BatchNotFound:
            found = None
        is_new = now - batch.started_at < QUIET
        if found is None and is_new:
            # The function that has started it was killed before it created it, or will create it soon.
            self._create_batch(watch, batch, now)
        elif found is None or found.closed_at is not None:
            self._start(watch, batch.scope, batch, now)

    def _create_batch(self, watch: Watch, batch: OpenBatch, now: datetime) -> None:
        prefix = watch.uri if watch.grouping is Grouping.DAY else f"s3://{watch.bucket}/"
        self.batches.create(
            Batch(
                id=batch.batch_id,
                owner=watch.owner,
                name=f"{prefix} {batch.scope}"[-MAX_NAME:]
                if watch.grouping is Grouping.DAY
                else f"{prefix}{batch.scope}"[-MAX_NAME:],
                created_at=batch.started_at,
                **watch.spec_fields(),
                expires_at=(now + self.retention).replace(microsecond=0),
            )
        )

    def close_batches(self, watch: Watch, *, until: datetime) -> bool:
        """Close the batches of days that are over, and those of folders without new objects, until the time is up.

        Return True if more may be left to close. A call that has closed none returns False, so that batches which stay
        open are not examined again and again.
        """
        now, has_closed = self.clock(), False
        batches = sorted(self.objects.list_batches(watch.id), key=lambda each: each.started_at)
        for start in range(0, len(batches), MAX_CONCURRENCY):
            if start and self.clock() >= until:
                return has_closed
            closed = map_parallel(
                lambda batch: self._close_if_over(watch, batch, now), batches[start : start + MAX_CONCURRENCY]
            )
            has_closed = has_closed or any(closed)
        return False

    def _close_if_over(self, watch: Watch, batch: OpenBatch, now: datetime) -> bool:
        """Close a batch if its day is over or its folder has no new objects. Return True if it is closed."""
        is_day = watch.grouping is Grouping.DAY
        if not (is_day_over(batch.scope, now) if is_day else self._is_quiet(watch, batch, now)):
            return False
        self._close(batch, now)
        self.objects.remove_batch(watch, batch)
        return True

    def forget(self, watch_id: str) -> bool:
        """Close the batches of a deleted watch, and delete its items, some of each. Return True if there may be more.

        The items of open batches come first, so those that are deleted are those whose batches are closed here.
        """
        now = self.clock()
        map_parallel(lambda batch: self._close(batch, now), self.objects.list_batches(watch_id, limit=DELETED))
        return self.objects.forget(watch_id)

    def _close(self, batch: OpenBatch, now: datetime) -> None:
        try:
            self.batches.close(batch.batch_id, at=now)
        except BatchNotFound:
            logger.info("Batch does not exist", extra={"batch_id": batch.batch_id})

    def _is_quiet(self, watch: Watch, batch: OpenBatch, now: datetime) -> bool:
        if now - batch.started_at < QUIET:
            return False
        try:
            found = self.batches.get(batch.batch_id, watch.owner, now=now).batch
        except BatchNotFound:
            return True
        # Each new member moves the expiry.
        return now - (found.expires_at - self.retention) >= QUIET
