"""S3's events about objects in watched buckets.

An event only says that an object may be new. It is handled by reading the object, so events that are late, repeated or
out of order do no harm. An event that can't be handled is left to the next catch-up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from api.watches.catch_up import PAUSE
from api.watches.intake import WatchIntake
from shared.aws.dynamodb.watches.watch_table import WatchTable
from shared.aws.s3.source_store import ListedObject, drop_null
from shared.clock import Clock
from shared.errors import BadMessage, QuotaExceeded, SafelightError, ServiceError, SourceMissing, WatchPaused
from shared.jobs.s3_events import CreatedObject, parse_s3_event
from shared.jobs.source import S3Location
from shared.jobs.watch import Watch
from shared.observability import make_logger
from shared.parallel import map_parallel

logger = make_logger("watches")


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object that an event is about."""

    #: Position of its record among the records of the invocation.
    record: int
    object: CreatedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvents:
    """Handles S3's events for all watches."""

    watches: WatchTable
    intake: WatchIntake
    clock: Clock
    #: Buckets that can be watched, without the image bucket.
    buckets: frozenset[str]

    def handle(self, records: Sequence[SQSRecord]) -> list[Exception | None]:
        """Create the jobs of new objects. Return the error of each record that must be received again, or None."""
        errors: list[Exception | None] = [None] * len(records)
        arrivals = [each for position, record in enumerate(records) for each in self._read(position, record.body)]
        try:
            by_watch = self._find_watches(arrivals)
        except ServiceError as error:
            for each in arrivals:
                errors[each.record] = error
            return errors
        for watch, chosen in by_watch:
            try:
                self._handle(watch, [each.object for each in chosen])
            except Exception as error:  # noqa: BLE001 - one watch must not hold up the others
                for each in chosen:
                    errors[each.record] = error
        return errors

    def _read(self, position: int, body: str) -> Iterator[Arrival]:
        """Yield the objects of a record. A record that is not an event of S3 has none, and is not received again."""
        try:
            created = parse_s3_event(body)
        except BadMessage:
            created = None
        if created is None:
            logger.warning("Message that is not an event of S3", extra={"body": body[:200]})
        for each in created or ():
            if each.is_created and each.bucket in self.buckets:
                yield Arrival(position, each)

    def _find_watches(self, arrivals: Sequence[Arrival]) -> list[tuple[Watch, list[Arrival]]]:
        """Return the watches that are responsible for some objects, each with its objects."""
        found: list[tuple[Watch, list[Arrival]]] = []
        for bucket in sorted({each.object.bucket for each in arrivals}):
            inside = [each for each in arrivals if each.object.bucket == bucket]
            for entry in self.watches.list_entries(bucket):
                below = [each for each in inside if each.object.key.startswith(entry.prefix)]
                watch = self.watches.find(entry.id) if below else None
                if watch is None or watch.paused_at is not None:
                    continue
                matching = [each for each in below if watch.matches(each.object.key)]
                if matching:
                    found.append((watch, matching))
        return found

    def _handle(self, watch: Watch, created: Sequence[CreatedObject]) -> None:
        """Create the jobs of some objects of one watch. Raises ServiceError if AWS fails."""
        try:
            found = map_parallel(self._find, created)
            self.intake.accept(watch, [each for each in found if isinstance(each, ListedObject)])
        except WatchPaused:
            return  # a resume catches up
        except QuotaExceeded as error:
            logger.info("Watch waits for a limit of the owner", extra={"watch_id": watch.id, "code": error.code})
            self.watches.request_catch_up(watch, due_at=self.clock() + PAUSE)
            return
        if None in found:
            self.watches.request_catch_up(watch, due_at=self.clock())

    def _find(self, created: CreatedObject) -> ListedObject | SourceMissing | None:
        """Return an object, SourceMissing if it is gone, or None if only a listing can say what it is.

        In a bucket without versioning, the object may have been replaced since the event. Then this is the new one.
        """
        location = S3Location(bucket=created.bucket, key=created.key, version=drop_null(created.version))
        try:
            found = self.intake.prefixes.imports.sources.find(location)
        except ServiceError:
            raise
        except SourceMissing as error:
            return error
        except SafelightError as error:
            logger.info("Object left to the catch-up", extra={"code": error.code})
            return None
        return ListedObject(found, is_archived=False)
