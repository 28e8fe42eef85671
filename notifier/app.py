"""Notifier Lambda: publishes an event for each job that has ended, as the stream of the job table reports it."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_notifier_clients
from shared.aws.dynamodb.job_item import from_item
from shared.aws.dynamodb.wire import from_wire
from shared.aws.sns import EventTopic
from shared.aws.sqs import Message, SqsQueue
from shared.clock import Clock, utc_now
from shared.errors import BadMessage, ServiceError, ServiceRefused
from shared.initialization import prepare
from shared.jobs.job import Job
from shared.observability import make_logger, make_metrics
from shared.settings import NotifierSettings
from shared.webhooks.delivery import DeliveryMessage
from shared.webhooks.event import Event, build_job_event

logger = make_logger("notifier")
metrics = make_metrics()


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A job that has ended, its event, and the sequence number of the stream record that reported it."""

    job: Job
    event: Event
    sequence_number: str


@dataclass(frozen=True, slots=True)
class EventPublisher:
    """Publishes job events to the topic and queues webhook deliveries."""

    topic: EventTopic
    #: Receives stream records that cannot be read.
    unreadable: SqsQueue
    #: Receives webhook deliveries.
    webhooks: SqsQueue
    source: str
    api_url: str
    clock: Clock

    def publish_changes(self, changes: list[dict[str, Any]]) -> PartialItemFailureResponse:
        """Publish an event for each job that has ended according to these stream records.

        If a service accepts some events and refuses others, returns the first refused record, where the stream resumes.
        Raises ServiceError if a service does not respond or refuses all events. The stream then retries all records,
        and events that were already published are published again with the same ID.
        """
        metrics.add_metric("ChangesReceived", MetricUnit.Count, len(changes))
        finished = list(self._find_finished(changes))
        results = list(zip(finished, self._publish(finished), strict=True))
        for each, error in results:
            if error is None:
                self._record_metrics(each)
            else:
                fields = {"job_id": each.job.id, "event_id": each.event.id, "code": error.code}
                logger.error("Event not published", extra=fields, exc_info=error)
        failed = [(each, error) for each, error in results if error is not None]
        if not failed:
            return {"batchItemFailures": []}
        if len(failed) == len(finished) or not all(isinstance(error, ServiceRefused) for _, error in failed):
            raise failed[0][1]
        # A stream resumes at one position, so it delivers the first failed record and all later records again.
        return {"batchItemFailures": [{"itemIdentifier": failed[0][0].sequence_number}]}

    def _find_finished(self, changes: list[dict[str, Any]]) -> Iterator[FinishedJob]:
        """Yield the jobs that have ended, in order.

        Move unreadable records to a queue, so they do not block the stream.
        """
        for change in changes:
            try:
                job = read_finished_job(change)
            except BadMessage:
                self.unreadable.send(json.dumps(_remove_facts(change), default=str), tenant=_read_owner(change))
                metrics.add_metric("EventsUnreadable", MetricUnit.Count, 1)
                logger.exception("Change can't be read and was kept", extra={"change": change.get("eventID")})
                continue
            if job is not None:
                event = build_job_event(job, source=self.source, api_url=self.api_url)
                yield FinishedJob(job, event, change["dynamodb"]["SequenceNumber"])

    def _publish(self, finished: Sequence[FinishedJob]) -> list[ServiceError | None]:
        """Publish events and queue their webhook deliveries. Return the error of each event, or None."""
        errors = self.topic.publish([each.event for each in finished])
        deliveries = {
            position: _build_delivery(each.job.webhook, each)
            for position, (each, error) in enumerate(zip(finished, errors, strict=True))
            if error is None and each.job.webhook is not None
        }
        messages = [Message(delivery.encode(), delivery.receiver) for delivery in deliveries.values()]
        for position, error in zip(deliveries, self.webhooks.send_all(messages), strict=True):
            errors[position] = error
        return errors

    def _record_metrics(self, finished: FinishedJob) -> None:
        latency = (self.clock() - finished.job.timestamp) / timedelta(milliseconds=1)
        metrics.add_metric("EventsPublished", MetricUnit.Count, 1)
        metrics.add_metric("EventLatency", MetricUnit.Milliseconds, latency)
        fields = {
            "job_id": finished.job.id,
            "event_id": finished.event.id,
            "type": finished.event.type,
            "webhook": finished.job.webhook,
            "milliseconds": round(latency),
        }
        logger.info("Event published", extra=fields)


def _build_delivery(webhook: str, finished: FinishedJob) -> DeliveryMessage:
    job, event = finished.job, finished.event
    return DeliveryMessage(
        owner=job.owner, webhook=webhook, event_id=event.id, type=event.type, job_id=job.id, body=event.body
    )


def read_finished_job(change: Mapping[str, Any]) -> Job | None:
    """Return the job if this stream record reports that it has ended, or None if the record reports another change.

    A job that has ended changes only by a retry, which opens the job again, or by a deletion, which leaves a tombstone.
    So the new version of the item is enough to know that this write ended the job. Raises BadMessage if the record does
    not contain a valid job.
    """
    if change.get("eventName") != "MODIFY":
        return None
    try:
        job = from_item(from_wire(change["dynamodb"]["NewImage"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage from error
    return job if job.status.is_terminal and job.deleted_at is None else None


def _remove_facts(change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stream record without facts about the image, which can be private."""
    stream = change.get("dynamodb")
    if not isinstance(stream, Mapping):
        return dict(change)
    kept = {
        name: {key: value for key, value in part.items() if key != "Facts"} if isinstance(part, Mapping) else part
        for name, part in stream.items()
    }
    return {**change, "dynamodb": kept}


def _read_owner(change: Mapping[str, Any]) -> str:
    """Return the owner of an unreadable job, or an empty text if even the owner is unreadable."""
    try:
        return str(change["dynamodb"]["NewImage"]["Owner"]["S"])
    except (KeyError, TypeError):
        return ""


@cache
def get_publisher() -> EventPublisher:
    """Build the publisher from the settings, once per execution environment."""
    settings = NotifierSettings.read(os.environ)
    clients = make_notifier_clients(settings.aws_call_seconds)
    return EventPublisher(
        topic=EventTopic(clients.sns, settings.event_topic_arn),
        unreadable=SqsQueue(clients.sqs, settings.event_dead_letter_queue_url, is_fair=settings.has_fair_queues),
        webhooks=SqsQueue(clients.sqs, settings.webhook_queue_url, is_fair=settings.has_fair_queues),
        source=settings.event_source,
        api_url=settings.api_url,
        clock=utc_now,
    )


prepare(get_publisher, os.environ)


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:  # noqa: ARG001 - required by Lambda
    """Publish the events of the stream records of one invocation."""
    return get_publisher().publish_changes(event.get("Records", []))
