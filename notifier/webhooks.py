"""The webhook Lambda: a delivery's message in, a signed POST out, again and again over hours where it must be."""

import os
import random
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from threading import Lock
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from notifier.delivery import Bench, Tried, deliver
from notifier.http_post import CONNECT_SECONDS, TOTAL_SECONDS, Post
from shared.aws.clients import make_webhook_clients
from shared.aws.dynamodb.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhook_table import WebhookTable
from shared.aws.text_queue import TextQueue
from shared.clock import utc_now
from shared.errors import DeliveryLater, TimeTooShort
from shared.observability import make_logger, make_metrics
from shared.settings import WebhookSettings
from shared.sqs_batch import process_records
from shared.webhooks.delivery import DeliveryState, decode_delivery

#: A delivery mostly waits for somebody else's server.
SIDE_BY_SIDE = 10
#: Must be left in the invocation before a record is started.
RECORD_TIME = timedelta(seconds=CONNECT_SECONDS * 4 + TOTAL_SECONDS + 5)
METRICS = {
    DeliveryState.DELIVERED: "WebhooksDelivered",
    DeliveryState.WAITING: "WebhooksDeferred",
    DeliveryState.FAILED: "WebhooksFailed",
    DeliveryState.HELD: "WebhooksHeld",
}

logger = make_logger("webhooks")
metrics = make_metrics()
#: Metrics are not made for threads; records end in several.
_telling = Lock()


@dataclass(frozen=True, slots=True)
class Parts:
    """What the function is made of, once per execution environment."""

    bench: Bench
    queue: TextQueue


@cache
def parts() -> Parts:
    """Put the function together from its settings."""
    settings = WebhookSettings.read(os.environ)
    clients = make_webhook_clients(settings.aws_call_seconds)
    bench = Bench(
        webhooks=WebhookTable(clients.dynamodb, settings.webhook_table),
        secrets=WebhookSecrets(clients.dynamodb, settings.webhook_secret_table),
        deliveries=DeliveryTable(clients.dynamodb, settings.webhook_table),
        post=Post(anywhere=settings.sends_anywhere),
        clock=utc_now,
        spread=random.random,
    )
    return Parts(bench, TextQueue(clients.sqs, settings.webhook_queue_url))


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Try the deliveries of these messages; the answer names those that must come back."""
    parts()  # a wrong setting fails the delivery here, not each record as a fault of its own
    metrics.add_metric("DeliveriesReceived", MetricUnit.Count, len(event.get("Records", ())))
    return process_records(event, context, handle_record, logger, side_by_side=SIDE_BY_SIDE)


def handle_record(record: SQSRecord, context: LambdaContext) -> None:
    """Try one delivery. Raises DeliveryLater when its message must come back, which it does at the right time."""
    if timedelta(milliseconds=context.get_remaining_time_in_millis()) < RECORD_TIME:
        parts().queue.return_after(record.receipt_handle, timedelta(seconds=1))
        raise TimeTooShort
    message = decode_delivery(record.body)
    logger.thread_safe_append_keys(job_id=message.job_id, event_id=message.event_id)
    tried = deliver(message, parts().bench)
    _tell(tried)
    if tried.come_back is not None:
        parts().queue.return_after(record.receipt_handle, tried.come_back)
        raise DeliveryLater


def _tell(tried: Tried) -> None:
    """Count and log a try; neither the address nor the secret nor the body is in it."""
    delivery = tried.delivery
    if delivery is None or (not tried.was_sent and delivery.state is not DeliveryState.HELD):
        return
    facts = {
        "webhook": delivery.webhook,
        "state": delivery.state.value,
        "tries": delivery.tries,
        "answer": delivery.answer,
        "reason": delivery.reason,
    }
    with _telling:
        metrics.add_metric(METRICS[delivery.state], MetricUnit.Count, 1)
    failed = delivery.state is DeliveryState.FAILED
    (logger.error if failed else logger.info)("Webhook tried", extra=facts)
