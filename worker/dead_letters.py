"""The dead-letter Lambda: what arrives here ends as a FAILED job or as a kept message, never as nothing."""

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.job_queue import JobQueue
from shared.aws.s3.image_store import ImageStore
from shared.clock import Clock, utc_now
from shared.errors import BadMessage, JobNotFound, LeaseHeld
from shared.jobs.message import JobMessage, decode
from shared.jobs.recovery import Policy, Step, bury
from shared.jobs.s3_events import read_arrivals
from shared.observability import make_logger, make_metrics
from shared.settings import DeadLetterSettings
from shared.sqs_batch import process_records
from worker.arriving import message_of

logger = make_logger("dead-letters")
metrics = make_metrics()


@dataclass(frozen=True, slots=True)
class Parts:
    """What the dead-letter function is made of, once per execution environment."""

    jobs: JobTable
    images: ImageStore
    queue: JobQueue
    policy: Policy
    clock: Clock


@cache
def parts() -> Parts:
    """Put the function together from its settings."""
    settings = DeadLetterSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    return Parts(
        jobs=JobTable(
            clients.dynamodb,
            settings.job_table,
            batch_table=settings.batch_table,
            bucket=settings.image_bucket,
            listing_shards=settings.listing_shards,
        ),
        images=ImageStore(clients.s3, settings.image_bucket),
        queue=JobQueue(clients.sqs, settings.dead_letter_queue_url),
        policy=settings.policy(),
        clock=utc_now,
    )


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Close the jobs of the messages that used up their receives."""
    parts()  # a wrong setting fails the delivery here, not each record as a fault of its own
    received = len(event.get("Records", ()))
    metrics.add_metric("DeadLettersReceived", MetricUnit.Count, received)
    return process_records(event, context, handle_record, logger)


def handle_record(record: SQSRecord, context: LambdaContext) -> None:  # noqa: ARG001 - the shape of a record handler
    """Fail the job of one dead letter, or put it off while it has attempts left; keep what nobody can read.

    Raises LeaseHeld while an attempt still runs: the dead letter comes back when its lease is over.
    """
    try:
        messages = _messages(record)
    except BadMessage:
        _keep(record)
        return
    for message in messages:
        logger.thread_safe_append_keys(job_id=message.job_id)
        try:
            _bury(message, record)
        except JobNotFound:
            _tell_stale("gone")


def _messages(record: SQSRecord) -> list[JobMessage]:
    """Read what a dead letter is about: one job, or those whose bytes S3 had told of. Raises BadMessage."""
    arrivals = read_arrivals(record.body)
    if arrivals is None:
        return [decode(record.body)]
    found = (message_of(arrival, parts().images.bucket) for arrival in arrivals)
    return [message for message in found if message is not None]


def _bury(message: JobMessage, record: SQSRecord) -> None:
    now = parts().clock()
    job = parts().jobs.get(message.job_id)
    if job.generation != message.generation:
        _tell_stale("stale")
        return
    if job.is_leased(now) and job.lease_until is not None:
        parts().queue.return_after(record.receipt_handle, max(job.lease_until - now, timedelta(seconds=1)))
        raise LeaseHeld
    decision = bury(job, parts().policy, now)
    if decision.step is Step.NOTHING:
        _tell_stale("finished")
        return
    if not parts().jobs.swap(job, decision.job):
        # Somebody moved the job meanwhile: look again when the letter comes back.
        parts().queue.return_after(record.receipt_handle, timedelta(seconds=1))
        raise LeaseHeld
    facts = {"attempt": job.attempt, "dead_letters": decision.job.dead_letters}
    if decision.step is Step.END:
        metrics.add_metric("JobsFailed", MetricUnit.Count, 1)
        logger.error("Job failed: attempts exhausted", extra=facts)
    else:
        metrics.add_metric("DeadLettersDeferred", MetricUnit.Count, 1)
        logger.warning("Message died, the job has attempts left", extra=facts)


def _tell_stale(reason: str) -> None:
    metrics.add_metric("DeadLettersStale", MetricUnit.Count, 1)
    logger.info("Dead letter changes nothing", extra={"reason": reason})


def _keep(record: SQSRecord) -> None:
    letter = {"message_id": record.message_id, "body": record.body, "attributes": dict(record.attributes.raw_event)}
    key = parts().images.keep_dead_letter(record.message_id, json.dumps(letter).encode())
    metrics.add_metric("DeadLettersKept", MetricUnit.Count, 1)
    logger.error("Message can't be read and was kept", extra={"key": key})
