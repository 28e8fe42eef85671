"""Webhook Lambda: sends queued deliveries as signed POST requests. Failed deliveries are retried for several hours.

A schedule also invokes it once a minute, without records, to send messages for deferred deliveries.
"""

import os
import random
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from notifier.deferral import DeferredDeliveries
from notifier.delivery import DeliveryResult, WebhookSender
from notifier.http_post import TOTAL_SECONDS, HttpPost
from shared.aws.clients import make_webhook_clients
from shared.aws.dynamodb.webhooks.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhooks.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhooks.webhook_table import WebhookTable
from shared.aws.sqs import SqsQueue
from shared.clock import utc_now
from shared.errors import DeliveryLater, TimeTooShort
from shared.initialization import prepare
from shared.network.http_exchange import CONNECT_SECONDS
from shared.observability import add_metric, make_logger, make_metrics, write_metrics
from shared.settings import WebhookSettings
from shared.sqs_batch import process_records
from shared.webhooks.delivery import DeliveryState, decode_delivery

#: Records that are processed concurrently. A delivery spends most of its time waiting for the receiver.
MAX_CONCURRENCY = 10
#: A record is started only if at least this much time of the invocation is left.
RECORD_TIME = timedelta(seconds=CONNECT_SECONDS * 4 + TOTAL_SECONDS + 5)
METRICS = {
    DeliveryState.DELIVERED: "WebhooksDelivered",
    DeliveryState.WAITING: "WebhooksDeferred",
    DeliveryState.FAILED: "WebhooksFailed",
    DeliveryState.HELD: "WebhooksHeld",
}

logger = make_logger("webhooks")
metrics = make_metrics()
#: Powertools metrics are not thread-safe, and records end in several threads.


@dataclass(frozen=True, slots=True)
class DeliveryConsumer:
    """Processes the records of the webhook queue."""

    sender: WebhookSender
    queue: SqsQueue
    deferred: DeferredDeliveries

    def process_record(self, record: SQSRecord, context: LambdaContext) -> None:
        """Attempt one delivery.

        Raises TimeTooShort if too little time of the invocation is left, and DeliveryLater if the delivery must be
        retried. Before either, sets the delay after which SQS delivers the record again.
        """
        if timedelta(milliseconds=context.get_remaining_time_in_millis()) < RECORD_TIME:
            self.queue.postpone(record.receipt_handle, timedelta(seconds=1))
            raise TimeTooShort
        message = decode_delivery(record.body)
        logger.thread_safe_append_keys(job_id=message.job_id, event_id=message.event_id)
        result = self.sender.deliver(message)
        _record_metrics(result)
        if result.retry_in is not None:
            self.queue.postpone(record.receipt_handle, result.retry_in)
            raise DeliveryLater


def _record_metrics(result: DeliveryResult) -> None:
    """Count and log an attempt, without the URL, secret or body."""
    delivery = result.delivery
    if delivery is None or (not result.was_sent and delivery.state is not DeliveryState.HELD):
        return
    fields = {
        "webhook": delivery.webhook,
        "state": delivery.state.value,
        "tries": delivery.tries,
        "answer": delivery.answer,
        "reason": delivery.reason,
        "paused": result.has_paused,
    }
    add_metric(metrics, METRICS[delivery.state], 1)
    if result.has_paused:
        add_metric(metrics, "WebhooksPaused", 1)
    failed = delivery.state is DeliveryState.FAILED
    (logger.error if failed else logger.info)("Webhook tried", extra=fields)


@cache
def get_consumer() -> DeliveryConsumer:
    """Build the consumer from the settings, once per execution environment."""
    settings = WebhookSettings.read(os.environ)
    clients = make_webhook_clients(settings.aws_call_seconds)
    webhooks = WebhookTable(clients.dynamodb, settings.webhook_table)
    deliveries = DeliveryTable(clients.dynamodb, settings.webhook_table)
    queue = SqsQueue(clients.sqs, settings.webhook_queue_url, is_fair=settings.has_fair_queues)
    sender = WebhookSender(
        webhooks=webhooks,
        secrets=WebhookSecrets(clients.dynamodb, settings.webhook_secret_table),
        deliveries=deliveries,
        post=HttpPost(allow_internal=settings.allows_internal_targets),
        clock=utc_now,
        random=random.random,
    )
    deferred = DeferredDeliveries(webhooks, deliveries, queue, utc_now, logger)
    return DeliveryConsumer(sender, queue, deferred)


prepare(get_consumer, os.environ)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Attempt the deliveries of one SQS batch and return the records to retry, or resume deferred deliveries."""
    if "Records" in event:
        response: PartialItemFailureResponse = _send(event, context)
        return response
    resumed = get_consumer().deferred.resume(context)
    for metric, count in (
        ("DeliveriesResumed", resumed.sent),
        (METRICS[DeliveryState.HELD], resumed.held),
        (METRICS[DeliveryState.FAILED], resumed.failed),
    ):
        if count:
            add_metric(metrics, metric, count)
    write_metrics(metrics)
    return {"batchItemFailures": []}


@metrics.log_metrics(capture_cold_start_metric=True)
def _send(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    metrics.add_metric("DeliveriesReceived", MetricUnit.Count, len(event.get("Records", ())))
    return process_records(event, context, get_consumer().process_record, logger, max_concurrency=MAX_CONCURRENCY)
