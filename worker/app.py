"""The worker Lambda: its composition root and its handler."""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from threading import Lock
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.asset_store import AssetStore
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.source_store import SourceStore
from shared.aws.sqs import SqsQueue
from shared.clock import utc_now
from shared.errors import LeaseHeld, SafelightError, ServiceError, TimeTooShort
from shared.jobs.message import JobMessage, decode_message
from shared.jobs.s3_events import CreatedObject, parse_s3_event
from shared.observability import make_logger, make_metrics
from shared.settings import WorkerSettings
from shared.sqs_batch import process_records
from worker.arriving import message_of
from worker.image_processor import AttemptResult, Outcome, Workplace, process_job
from worker.memory_budget import MemoryBudget
from worker.process_priority import BULK_NICENESS, lower_priority
from worker.sandbox import Budget, Sandbox
from worker.sandbox.budget import compute_raw_memory, count_children
from worker.sandbox.confinement import hide_memory

#: Delay of a record that a service has failed, before doubling.
FIRST_RETRY_DELAY = timedelta(seconds=5)

#: Records beyond those being rendered whose transfers go on meanwhile; ``benchmarks/overlap.py`` compares numbers.
LOOKAHEAD = 3
#: Variables without which the interpreter may not start. A child gets no other, and so no credentials.
CHILD_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")

logger = make_logger("worker")
metrics = make_metrics()
#: Metrics are not made for threads; records end in several.
_telling = Lock()


@dataclass(frozen=True, slots=True)
class Parts:
    """What the worker is made of, once per execution environment."""

    place: Workplace
    #: By name: a record tells its queue by ARN only.
    queues: dict[str, SqsQueue]
    #: The name of the one whose records give way to others.
    bulk_queue: str
    sandbox: Sandbox
    #: Records under way at a time.
    max_concurrency: int
    record_time: timedelta
    render_time: timedelta


@cache
def parts() -> Parts:
    """Put the worker together from its settings, and start the first child.

    The child imports Pillow while this process makes its clients and fetches the first image.
    """
    settings = WorkerSettings.read(os.environ)
    hide_memory()
    limits = settings.limits()
    children = count_children(memory_mib=settings.memory_mib, processors=_processors())
    budget = Budget.of(limits, memory_mib=settings.memory_mib, children=children, seconds=settings.render_seconds)
    needed = {name: os.environ[name] for name in CHILD_ENVIRONMENT if name in os.environ}
    sandbox = Sandbox(budget, children=children, environment=needed)
    sandbox.warm_up()
    clients = make_clients(settings.aws_call_seconds)
    interactive, bulk = (SqsQueue(clients.sqs, url) for url in (settings.job_queue_url, settings.bulk_queue_url))
    place = Workplace(
        jobs=JobTable.of(clients, settings),
        images=ImageStore(clients.s3, settings.image_bucket),
        sources=SourceStore(clients.s3, settings.image_bucket),
        assets=AssetStore(clients.s3, settings.image_bucket),
        limits=limits,
        lease=timedelta(seconds=settings.lease_seconds),
        redispatch=timedelta(seconds=settings.redispatch_seconds),
        clock=utc_now,
        render=sandbox.render,
        room=MemoryBudget(compute_raw_memory(budget, memory_mib=settings.memory_mib, children=children)),
    )
    return Parts(
        place=place,
        queues={queue.name: queue for queue in (interactive, bulk)},
        bulk_queue=bulk.name,
        sandbox=sandbox,
        max_concurrency=children + LOOKAHEAD,
        record_time=timedelta(seconds=settings.record_seconds),
        render_time=timedelta(seconds=settings.render_seconds),
    )


def _processors() -> int:
    """Count the processors that this process may use, where the system tells."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Process the records of one delivery; the answer names those that must come back."""
    received = len(event.get("Records", ()))
    logger.info("Records received", extra={"count": received})
    metrics.add_metric("RecordsReceived", MetricUnit.Count, received)
    # Made here, by one thread: records run in several, and a wrong setting fails the delivery, not each of them.
    max_concurrency = parts().max_concurrency
    initializer = partial(lower_priority, BULK_NICENESS) if _is_bulk(event) else None
    return process_records(
        event, context, handle_record, logger, max_concurrency=max_concurrency, initializer=initializer
    )


def handle_record(record: SQSRecord, context: LambdaContext) -> Outcome:
    """Run one attempt, or send the record back for the time that it has to wait."""
    outcome = Outcome.SKIPPED
    try:
        for message, arrival in _hints(record):
            started = utc_now()
            logger.thread_safe_append_keys(job_id=message.job_id)
            _demand_time(context)
            processed = process_job(message, _place(context), arrival)
            _tell(processed, record, started)
            outcome = processed.outcome
    except (LeaseHeld, TimeTooShort, ServiceError) as error:
        _return(record, error)
        raise
    return outcome


def _is_bulk(event: dict[str, Any]) -> bool:
    """Tell whether a delivery is one of the bulk lane's; all its records come from one queue."""
    records: list[dict[str, Any]] = event.get("Records") or []
    return bool(records) and _queue_name(str(records[0].get("eventSourceARN"))) == parts().bulk_queue


def _queue_name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


def _hints(record: SQSRecord) -> Iterator[tuple[JobMessage, CreatedObject | None]]:
    """Read what a record says: one message of ours, or the objects of an S3 event. Raises BadMessage.

    Objects that nobody was to send are told and passed over: they make no job.
    """
    arrivals = parse_s3_event(record.body)
    if arrivals is None:
        yield decode_message(record.body), None
        return
    for arrival in arrivals:
        message = message_of(arrival, parts().place.images.bucket)
        if message is not None:
            yield message, arrival
            continue
        with _telling:
            metrics.add_metric("ArrivalsUnknown", MetricUnit.Count, 1)
        logger.warning("Object that no job awaits", extra={"key": arrival.key[:200]})


def _return(record: SQSRecord, error: SafelightError) -> None:
    """Say when the record should come back: after what the error asks for, else ever later, with jitter.

    Lambda does not slow down for partial failures, so an outage would burn all receives within moments.
    """
    if error.retry_after_seconds is not None and not isinstance(error, ServiceError):
        delay = timedelta(seconds=error.retry_after_seconds)
    else:
        receives = int(record.attributes.approximate_receive_count)
        longest = min(FIRST_RETRY_DELAY * (1 << min(receives, 10)), parts().place.lease * 4)
        delay = longest * random.uniform(0.5, 1)  # noqa: S311 - spreads a herd, guards nothing
    queue = parts().queues[_queue_name(record.event_source_arn)]
    try:
        queue.postpone(record.receipt_handle, delay)
    except ServiceError as fault:
        # The record comes back with the queue's own visibility timeout; why it does is the other error.
        logger.warning("Visibility not changed", extra={"code": fault.code}, exc_info=fault)


def _demand_time(context: LambdaContext) -> None:
    """Raise TimeTooShort when the record could not be finished: it would die half done with the invocation."""
    if timedelta(milliseconds=context.get_remaining_time_in_millis()) < parts().record_time:
        raise TimeTooShort(retry_after_seconds=1)


def _place(context: LambdaContext) -> Workplace:
    """Return the workplace of this invocation: it starts rendering only what it can finish and store.

    Of the time that a record has beside its rendering, half is for what comes before and half for what comes after.
    """
    left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    rest = left - (parts().record_time + parts().render_time) / 2
    start_by = time.monotonic() + rest.total_seconds()
    return replace(parts().place, render=partial(parts().sandbox.render, start_by=start_by))


def _tell(processed: AttemptResult, record: SQSRecord, started: datetime) -> None:
    """Count and log the end of one record."""
    took = (utc_now() - started) / timedelta(milliseconds=1)
    sent = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, tz=UTC)
    waited = (started - sent) / timedelta(milliseconds=1)
    facts: dict[str, Any] = {"outcome": processed.outcome.value, "milliseconds": round(took), "waited": round(waited)}
    job = processed.job
    with _telling:
        metrics.add_metric(f"Jobs{processed.outcome.value.capitalize()}", MetricUnit.Count, 1)
        metrics.add_metric("ProcessingTime", MetricUnit.Milliseconds, took)
        metrics.add_metric("QueueLatency", MetricUnit.Milliseconds, waited)
        if job is not None:
            metrics.add_metric("RawBytes", MetricUnit.Bytes, job.raw.size or 0)
            metrics.add_metric("ProcessedBytes", MetricUnit.Bytes, sum(output.size for output in job.outputs))
            metrics.add_metric("CompletionTime", MetricUnit.Milliseconds, job.elapsed / timedelta(milliseconds=1))
    if job is not None:
        facts |= {"attempt": job.attempt, "raw_bytes": job.raw.size, "code": job.error.code if job.error else None}
    failed = processed.outcome is Outcome.FAILED
    (logger.error if failed else logger.info)("Record processed", extra=facts, exc_info=processed.error)
