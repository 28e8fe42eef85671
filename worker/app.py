"""The worker Lambda: its composition root and its handler."""

import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.image_store import ImageStore
from shared.aws.job_queue import JobQueue
from shared.aws.job_table import JobTable
from shared.clock import utc_now
from shared.errors import LeaseHeld, SafelightError, ServiceError, TimeTooShort
from shared.messages import decode
from shared.observability import make_logger, make_metrics
from shared.settings import WorkerSettings
from worker.image_processor import Outcome, Processed, Workplace, process_job
from worker.imaging import Limits, render
from worker.records import process_records

FIRST_RETURN = timedelta(seconds=5)
"""Delay of a record that a service has failed, before doubling."""

logger = make_logger("worker")
metrics = make_metrics("worker")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the worker is made of, once per execution environment."""

    place: Workplace
    queues: dict[str, JobQueue]
    """By name: a record tells its queue by ARN only."""
    record_time: timedelta


@cache
def parts() -> Parts:
    """Put the worker together from its settings."""
    settings = WorkerSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    queues = [JobQueue(clients.sqs, url) for url in (settings.job_queue_url, settings.bulk_queue_url)]
    place = Workplace(
        jobs=JobTable(
            clients.dynamodb,
            settings.job_table,
            bucket=settings.image_bucket,
            listing_shards=settings.listing_shards,
        ),
        images=ImageStore(clients.s3, settings.image_bucket),
        limits=Limits(
            max_bytes=settings.max_raw_bytes,
            max_pixels=settings.max_pixels,
            max_side=settings.max_side,
            max_frames=settings.max_frames,
            max_total_pixels=settings.max_total_pixels,
        ),
        lease=timedelta(seconds=settings.lease_seconds),
        redispatch=timedelta(seconds=settings.redispatch_seconds),
        clock=utc_now,
        render=render,
    )
    return Parts(place, {queue.name: queue for queue in queues}, timedelta(seconds=settings.record_seconds))


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Process the records of one delivery; the answer names those that must come back."""
    received = len(event.get("Records", ()))
    logger.info("Records received", extra={"count": received})
    metrics.add_metric("RecordsReceived", MetricUnit.Count, received)
    return process_records(event, context, handle_record, logger)


def handle_record(record: SQSRecord, context: LambdaContext) -> Outcome:
    """Run one attempt, or send the record back for the time that it has to wait."""
    started = utc_now()
    try:
        _demand_time(context)
        message = decode(record.body)
        logger.append_keys(job_id=message.job_id)
        processed = process_job(message, parts().place)
    except (LeaseHeld, TimeTooShort, ServiceError) as error:
        _return(record, error)
        raise
    _tell(processed, record, started)
    return processed.outcome


def _return(record: SQSRecord, error: SafelightError) -> None:
    """Say when the record should come back: after what the error asks for, else ever later, with jitter.

    Lambda does not slow down for partial failures, so an outage would burn all receives within moments.
    """
    if error.retry_after_seconds is not None and not isinstance(error, ServiceError):
        delay = timedelta(seconds=error.retry_after_seconds)
    else:
        receives = int(record.attributes.approximate_receive_count)
        longest = min(FIRST_RETURN * (1 << min(receives, 10)), parts().place.lease * 4)
        delay = longest * random.uniform(0.5, 1)  # noqa: S311 - spreads a herd, guards nothing
    queue = parts().queues[record.event_source_arn.rsplit(":", 1)[-1]]
    try:
        queue.return_after(record.receipt_handle, delay)
    except ServiceError as fault:
        # The record comes back with the queue's own visibility timeout; why it does is the other error.
        logger.warning("Visibility not changed", extra={"code": fault.code}, exc_info=fault)


def _demand_time(context: LambdaContext) -> None:
    """Raise TimeTooShort when the record could not be finished: it would die half done with the invocation."""
    if timedelta(milliseconds=context.get_remaining_time_in_millis()) < parts().record_time:
        raise TimeTooShort(retry_after_seconds=1)


def _tell(processed: Processed, record: SQSRecord, started: datetime) -> None:
    """Count and log the end of one record."""
    took = (utc_now() - started) / timedelta(milliseconds=1)
    sent = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, tz=UTC)
    metrics.add_metric(f"Jobs{processed.outcome.value.capitalize()}", MetricUnit.Count, 1)
    metrics.add_metric("ProcessingTime", MetricUnit.Milliseconds, took)
    metrics.add_metric("QueueLatency", MetricUnit.Milliseconds, (started - sent) / timedelta(milliseconds=1))
    facts: dict[str, Any] = {"outcome": processed.outcome.value, "milliseconds": round(took)}
    job = processed.job
    if job is not None:
        facts |= {"attempt": job.attempt, "raw_bytes": job.raw.size, "code": job.error.code if job.error else None}
        metrics.add_metric("RawBytes", MetricUnit.Bytes, job.raw.size)
        metrics.add_metric("ProcessedBytes", MetricUnit.Bytes, sum(output.size for output in job.outputs))
    failed = processed.outcome is Outcome.FAILED
    (logger.error if failed else logger.info)("Record processed", extra=facts, exc_info=processed.error)
