"""Catch-ups of watches: they list the prefix, so that objects without an event get their jobs too."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from api.watches.intake import WatchIntake
from shared.aws.dynamodb.walks.walk_table import WalkTable
from shared.aws.dynamodb.watches.watch_table import WatchTable
from shared.clock import Clock
from shared.errors import QuotaExceeded, SafelightError, ServiceError, SourceForbidden, WatchOff, WatchPaused
from shared.jobs.job import JobFailure
from shared.jobs.walk import Walk
from shared.jobs.watch import Watch
from shared.observability import make_logger

#: Objects per request for a listing.
LISTED = 500
#: When a catch-up is due again if a limit of the owner has stopped it.
PAUSE = timedelta(seconds=60)

logger = make_logger("watches")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUps:
    """Continues the catch-ups of watches."""

    watches: WatchTable
    walks: WalkTable
    intake: WatchIntake
    clock: Clock
    #: Buckets that can be watched, without the image bucket.
    buckets: frozenset[str]
    #: Time between two catch-ups.
    interval: timedelta

    def take_turn(self, walk: Walk, *, until: datetime) -> str:
        """Continue the catch-up of a leased walk. Return how the turn ended: continued, over, waiting or failed.

        Raises ServiceError if AWS fails.
        """
        watch = self.watches.find(walk.batch_id)
        if watch is None or watch.paused_at is not None:
            # A resume starts a new walk.
            self.walks.remove(walk)
            return "over"
        try:
            has_more = self._advance(watch, until=until)
        except WatchPaused:
            self.walks.remove(walk)
            return "over"
        except QuotaExceeded as error:
            logger.info("Watch waits for a limit of the owner", extra={"watch_id": watch.id, "code": error.code})
            self.intake.close_batches(watch, until=until)
            self.walks.postpone(walk, due_at=self.clock() + PAUSE)
            return "waiting"
        except ServiceError:
            raise
        except SafelightError as error:
            self.watches.fail_catch_up(watch, JobFailure.of(error))
            logger.warning("Watch can't list its prefix", extra={"watch_id": watch.id, "code": error.code})
            self.intake.close_batches(watch, until=until)  # its jobs come from events
            self.walks.postpone(walk, due_at=self.clock() + self.interval)
            return "failed"
        self.walks.postpone(walk, due_at=self.clock() + (timedelta(0) if has_more else self.interval))
        return "continued" if has_more else "over"

    def forget(self, walk: Walk, *, until: datetime) -> str:
        """Close the batches of a deleted watch, and delete its marks. Return how the turn ended.

        Raises ServiceError if AWS fails.
        """
        while self.intake.forget(walk.batch_id):
            if self.clock() >= until:
                self.walks.postpone(walk, due_at=self.clock())
                return "continued"
        self.walks.remove(walk)
        return "over"

    def _advance(self, watch: Watch, *, until: datetime) -> bool:
        """Continue a catch-up until the time is up. Return False if it is over.

        Raises WatchOff, SourceForbidden or SourceMissing if the prefix can't be listed, WatchPaused, TooManyOpenJobs or
        DailyBytesExceeded, or ServiceError if AWS fails.
        """
        require_watchable(watch.bucket, self.buckets)
        catch_up = watch.catch_up or watch.start_catch_up(self.clock())
        while True:
            page = self.intake.prefixes.imports.sources.list_versions(
                watch.bucket,
                watch.prefix,
                after_key=catch_up.after_key,
                after_version=catch_up.after_version,
                limit=LISTED,
            )
            chosen = [
                each
                for each in page.versions
                if watch.matches(each.object.source.location.key)
                and watch.examines(each.modified_at, catch_up, is_newest=each.is_newest)
            ]
            self.intake.accept(watch, chosen)
            if page.next_key is None:
                break
            catch_up = replace(catch_up, after_key=page.next_key, after_version=page.next_version)
            if not self.watches.save_catch_up(watch, catch_up) or self.clock() >= until:
                return True  # if another function has changed the watch meanwhile, the next turn sees it
            watch = replace(watch, catch_up=catch_up)
        if self.intake.close_batches(watch, until=until):
            return True
        return not self.watches.end_catch_up(watch, catch_up)


def require_watchable(bucket: str, buckets: frozenset[str]) -> None:
    """Raise WatchOff or SourceForbidden unless a bucket can be watched."""
    if not buckets:
        raise WatchOff
    if bucket not in buckets:
        raise SourceForbidden("Watches of this bucket are not allowed.")
