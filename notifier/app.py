"""The notifier Lambda: the stream of the job table in, an event for each job that has ended out."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from notifier.changes import ended_job
from shared.aws.clients import make_notifier_clients
from shared.aws.sns import EventTopic
from shared.aws.text_queue import TextQueue
from shared.clock import Clock, utc_now
from shared.errors import BadMessage, ServiceError, ServiceRefused
from shared.jobs.job import Job
from shared.observability import make_logger, make_metrics
from shared.settings import NotifierSettings
from shared.webhooks.delivery import DeliveryMessage
from shared.webhooks.event import Event, job_ended

#: Events under way at a time: as many as a client has connections.
SIDE_BY_SIDE = 10

logger = make_logger("notifier")
metrics = make_metrics()


@dataclass(frozen=True, slots=True)
class Parts:
    """What the notifier is made of, once per execution environment."""

    topic: EventTopic
    #: Keeps the changes that could not be told.
    unread: TextQueue
    #: Deliveries to webhooks.
    webhooks: TextQueue
    source: str
    api_url: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended, the event that tells it, and the change that told us."""

    job: Job
    event: Event
    sequence_number: str


@cache
def parts() -> Parts:
    """Put the notifier together from its settings."""
    settings = NotifierSettings.read(os.environ)
    clients = make_notifier_clients(settings.aws_call_seconds)
    return Parts(
        topic=EventTopic(clients.sns, settings.event_topic_arn),
        unread=TextQueue(clients.sqs, settings.event_dead_letter_queue_url),
        webhooks=TextQueue(clients.sqs, settings.webhook_queue_url),
        source=settings.event_source,
        api_url=settings.api_url,
        clock=utc_now,
    )


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:  # noqa: ARG001 - nothing of it is needed
    """Tell of every job that has ended by these changes; the answer names the first that must come again.

    Where a service does not answer this raises, and all of them come again: what was told already is told twice,
    under the same ID. Only what is refused by itself, among others that are not, is answered for alone.
    """
    changes = event.get("Records", [])
    metrics.add_metric("ChangesReceived", MetricUnit.Count, len(changes))
    ended = list(_ended(changes))
    with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="event") as threads:
        faults = list(threads.map(_publish, ended))
    for each, fault in zip(ended, faults, strict=True):
        if fault is None:
            _tell(each)
        else:
            facts = {"job_id": each.job.id, "event_id": each.event.id, "code": fault.code}
            logger.error("Event not published", extra=facts, exc_info=fault)
    failed = [(each, fault) for each, fault in zip(ended, faults, strict=True) if fault is not None]
    if not failed:
        return {"batchItemFailures": []}
    if len(failed) == len(ended) or not all(isinstance(fault, ServiceRefused) for _, fault in failed):
        raise failed[0][1]
    # A stream goes on from one place: everything from the first failure on comes again, whatever else is named.
    return {"batchItemFailures": [{"itemIdentifier": failed[0][0].sequence_number}]}


def _publish(ended: Ended) -> ServiceError | None:
    """Tell of one end, on the topic and to the job's webhook; return what kept it from being told."""
    job, event = ended.job, ended.event
    try:
        parts().topic.publish(event)
        if job.webhook is not None:
            message = DeliveryMessage(
                owner=job.owner,
                webhook=job.webhook,
                event_id=event.id,
                type=event.type,
                job_id=job.id,
                body=event.body,
            )
            parts().webhooks.send(message.encode())
    except ServiceError as fault:
        return fault
    return None


def _ended(records: list[dict[str, Any]]) -> Iterator[Ended]:
    """Yield what has ended, in order. What can't be read is kept: trying again would only hold up what follows."""
    for record in records:
        try:
            job = ended_job(record)
        except BadMessage:
            parts().unread.send(json.dumps(record, default=str))
            metrics.add_metric("EventsUnreadable", MetricUnit.Count, 1)
            logger.exception("Change can't be read and was kept", extra={"change": record.get("eventID")})
            continue
        if job is not None:
            told = job_ended(job, source=parts().source, api_url=parts().api_url)
            yield Ended(job, told, record["dynamodb"]["SequenceNumber"])


def _tell(ended: Ended) -> None:
    late = (parts().clock() - ended.job.timestamp) / timedelta(milliseconds=1)
    metrics.add_metric("EventsPublished", MetricUnit.Count, 1)
    metrics.add_metric("EventLatency", MetricUnit.Milliseconds, late)
    facts = {
        "job_id": ended.job.id,
        "event_id": ended.event.id,
        "type": ended.event.type,
        "webhook": ended.job.webhook,
        "milliseconds": round(late),
    }
    logger.info("Event published", extra=facts)
