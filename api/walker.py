"""Walker function: it runs on a schedule and continues operations on batches that take longer than a request.

It also catches up with watched prefixes, and S3's events about new objects invoke it.

It creates the members of backfills and of imports of prefixes, retries failed members and cancels open ones. It works
page by page, and each page is one conditional transaction or idempotent. So a killed run loses nothing, and concurrent
runs are safe. ``docs/decisions.md`` explains why it sends itself no messages.
"""

import os
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from api.batches.backfill import Backfills
from api.batches.prefix_imports import PrefixImports
from api.batches.scans import MemberScans
from api.jobs.imports import Imports
from api.watches.catch_up import CatchUps
from api.watches.events import WatchEvents
from api.watches.intake import WatchIntake
from shared.aws.clients import make_clients
from shared.aws.dynamodb.batch_members import BatchMembers
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.dynamodb.owner_quotas import OwnerQuotas
from shared.aws.dynamodb.walks.batch_operations import BatchOperations
from shared.aws.dynamodb.walks.walk_table import WalkTable
from shared.aws.dynamodb.watches.watch_objects import WatchObjects
from shared.aws.dynamodb.watches.watch_table import WatchTable
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.source_store import SourceStore
from shared.aws.sqs import JobQueues
from shared.clock import Clock, utc_now
from shared.errors import (
    BatchClosed,
    BatchNotFound,
    BatchPaused,
    NotABackfill,
    QuotaExceeded,
    SafelightError,
    ServiceError,
)
from shared.initialization import prepare
from shared.jobs.batch import Batch
from shared.jobs.job import JobFailure
from shared.jobs.walk import Walk, WalkKind, take_turns
from shared.observability import add_metric, make_logger, make_metrics, write_metrics
from shared.parallel import MAX_CONCURRENCY, map_parallel
from shared.settings import WalkerSettings
from shared.sqs_batch import process_together

#: Walks that take a turn at the same time. Each of them makes up to ``MAX_CONCURRENCY`` calls at the same time.
MAX_WALKS = 4
#: Length of a turn. Then other walks have theirs, even if this one is not over.
TURN = timedelta(seconds=8)
#: How long a walk belongs to one turn. Longer than a turn with slow calls, so that two turns rarely overlap.
LEASE = timedelta(seconds=30)
#: When a cancellation is due again, so that it does not scan all members again and again while one of them is late.
RESCAN = timedelta(seconds=5)
#: When a walk is due again if a limit of the owner or a service fault has stopped it.
PAUSE = timedelta(seconds=60)
#: A turn is started only if at least this much time of the invocation is left.
MARGIN = timedelta(seconds=30)

CONTINUED, OVER, WAITING, FAILED, FAULT, TAKEN = "continued", "over", "waiting", "failed", "fault", "taken"

logger = make_logger("walker")
metrics = make_metrics()


@dataclass(frozen=True, slots=True, kw_only=True)
class Walker:
    """Continues operations on batches, and handles S3's events about watched prefixes."""

    batches: BatchTable
    walks: WalkTable
    operations: BatchOperations
    backfills: Backfills
    scans: MemberScans
    catch_ups: CatchUps
    events: WatchEvents
    clock: Clock

    def run(self, context: LambdaContext) -> Counter[str]:
        """Continue walks in turns until none is due or the time is up. Return how often each turn ended how."""
        turns: Counter[str] = Counter()
        while timedelta(milliseconds=context.get_remaining_time_in_millis()) >= MARGIN:
            now = self.clock()
            due = take_turns([walk for walk in self.walks.list_walks() if walk.is_due(now)], limit=MAX_WALKS)
            if not due:
                break
            turns.update(map_parallel(self._try_turn, due))
        return turns

    def _try_turn(self, walk: Walk) -> str:
        """Take a turn at one walk. Return how it ended. An error affects only this walk."""
        fields = {"batch_id": walk.batch_id, "walk": walk.kind.value}
        try:
            leased = self.walks.lease(walk, now=self.clock(), until=self.clock() + LEASE)
            return TAKEN if leased is None else self._continue_walk(leased)
        except ServiceError as error:
            logger.exception("Walk not continued", extra={**fields, "code": error.code})
        except Exception:
            logger.exception("Walk not continued", extra=fields)
        return FAULT  # the walk is due again when its lease ends

    def _continue_walk(self, walk: Walk) -> str:
        until = self.clock() + TURN
        if walk.kind is WalkKind.WATCH:
            return self.catch_ups.take_turn(walk, until=until)
        if walk.kind is WalkKind.FORGET:
            return self.catch_ups.forget(walk, until=until)
        return self._take_turn(walk)

    def _take_turn(self, walk: Walk) -> str:
        try:
            batch = self.batches.get(walk.batch_id, walk.owner, now=self.clock()).batch
        except BatchNotFound:
            self.walks.remove(walk)
            return OVER
        try:
            has_more = self._continue(batch, walk.kind)
        except (BatchClosed, BatchPaused, NotABackfill):
            # The pause has removed the walk, and a new walk starts when the batch is resumed.
            self.walks.remove(walk)
            return OVER
        except QuotaExceeded as error:
            logger.info("Walk waits for a limit of the owner", extra={"batch_id": batch.id, "code": error.code})
            self.walks.postpone(walk, due_at=self.clock() + PAUSE)
            return WAITING
        except ServiceError:
            raise
        except SafelightError as error:
            self.operations.fail(batch, walk.kind, JobFailure.of(error))
            logger.warning("Walk given up", extra={"batch_id": batch.id, "code": error.code})
            return FAILED
        if has_more:
            self.walks.postpone(walk, due_at=self.clock() + (RESCAN if walk.kind is WalkKind.CANCEL else timedelta(0)))
            return CONTINUED
        self.walks.remove(walk)
        return OVER

    def _continue(self, batch: Batch, kind: WalkKind) -> bool:
        """Continue one operation for the length of a turn. Return True if it is not over.

        Raises the errors of :meth:`Backfills.advance`, BatchPaused or ServiceError.
        """
        at = self.clock()
        until = at + TURN
        if kind is WalkKind.FILL:
            self.backfills.advance(batch, until=until)
            return self.batches.get(batch.id, batch.owner, now=at).batch.is_filling
        scan = batch.retrying if kind is WalkKind.RETRY else batch.cancelling
        if scan is None:
            return False
        if kind is WalkKind.CANCEL:
            return not self.scans.continue_cancel(batch, scan, at=at, until=until).is_over
        if batch.paused_at is not None:
            raise BatchPaused
        return not self.scans.continue_retry(batch, scan, at=at, until=until).is_over


@cache
def get_walker() -> Walker:
    """Build the walker from the settings, once per execution environment."""
    settings = WalkerSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds, connections=MAX_WALKS * MAX_CONCURRENCY)
    quotas = OwnerQuotas.of(clients, settings)
    jobs = JobTable.of(clients, settings, quotas)
    listing = JobListing(clients.dynamodb, settings.job_table, listing_shards=settings.listing_shards)
    batches = BatchTable.of(clients, settings, quotas)
    # All jobs of batches are in the bulk queue.
    url = settings.bulk_queue_url
    queues = JobQueues.of(clients.sqs, url, url, is_fair=settings.has_fair_queues)
    due_after = timedelta(seconds=settings.redispatch_seconds)
    imports = Imports(
        jobs=jobs,
        sources=SourceStore(clients.s3, settings.image_bucket),
        queues=queues,
        own_bucket=settings.image_bucket,
        open_buckets=frozenset(filter(None, settings.import_buckets.split(","))),
        max_bytes=settings.max_raw_bytes,
        due_after=due_after,
        retention=timedelta(days=settings.retention_days),
    )
    operations = BatchOperations(clients.dynamodb, settings.batch_table)
    walks = WalkTable(clients.dynamodb, settings.batch_table)
    watches = WatchTable(clients.dynamodb, settings.batch_table)
    prefixes = PrefixImports(imports=imports, clock=utc_now)
    intake = WatchIntake(
        prefixes=prefixes,
        batches=batches,
        objects=WatchObjects(clients.dynamodb, settings.batch_table, batches),
        clock=utc_now,
        retention=imports.retention,
    )
    return Walker(
        batches=batches,
        walks=walks,
        operations=operations,
        backfills=Backfills(
            table=batches,
            listing=listing,
            imports=imports,
            prefixes=prefixes,
            clock=utc_now,
            retention=imports.retention,
        ),
        scans=MemberScans(
            table=batches,
            operations=operations,
            members=BatchMembers(clients.dynamodb, settings.job_table, listing),
            jobs=jobs,
            images=ImageStore(clients.s3, settings.image_bucket),
            queues=queues,
            clock=utc_now,
            due_after=due_after,
        ),
        catch_ups=CatchUps(
            watches=watches,
            walks=walks,
            intake=intake,
            clock=utc_now,
            buckets=settings.watchable_buckets,
            interval=timedelta(minutes=settings.catch_up_minutes),
        ),
        events=WatchEvents(watches=watches, intake=intake, clock=utc_now, buckets=settings.watchable_buckets),
        clock=utc_now,
    )


prepare(get_walker, os.environ)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int] | PartialItemFailureResponse:
    """Continue walks and return how often each turn ended how.

    With records of a queue, handle S3's events and return the records that SQS must deliver again.
    """
    if "Records" in event:
        return process_together(event, get_walker().events.handle, logger)
    try:
        turns = get_walker().run(context)
        for metric, end in (("WalkFaults", FAULT), ("WalksFailed", FAILED)):
            if turns[end]:
                add_metric(metrics, metric, turns[end])
    finally:
        write_metrics(metrics)
    logger.info("Walked", extra={"turns": dict(turns)})
    return dict(turns)
