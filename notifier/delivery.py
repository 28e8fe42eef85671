"""One try at one delivery: claim it, send it, write down what became of it. Without Lambda and SQS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from notifier.http_post import Answer
from notifier.signature import signed_headers
from shared.aws.dynamodb.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhook_table import WebhookTable
from shared.clock import Clock
from shared.errors import DeliveryNotFound, WebhookNotFound
from shared.version import VERSION
from shared.webhooks.delivery import Delivery, DeliveryMessage, DeliveryState, pause_after
from shared.webhooks.event import MEDIA_TYPE
from shared.webhooks.webhook import GONE, Webhook

#: For so long a try holds its delivery: more than connecting and sending may take.
LEASE = timedelta(seconds=60)
AGENT = f"Safelight/{VERSION}"
#: Answers with which a receiver may say when to come again.
WAITABLE = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Bench:
    """What a delivery works with."""

    webhooks: WebhookTable
    secrets: WebhookSecrets
    deliveries: DeliveryTable
    post: Callable[[str, Mapping[str, str], bytes], Answer]
    clock: Clock
    #: Between 0 and 1, another one each time.
    spread: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a message."""

    #: As it is now; None where there is none to speak of.
    delivery: Delivery | None
    was_sent: bool = False
    #: After how long the message is wanted again; None where it has done its work.
    come_back: timedelta | None = None


def deliver(message: DeliveryMessage, bench: Bench) -> Tried:
    """Try once, if it is time and somebody wants it. Raises ServiceError."""
    try:
        webhook = bench.webhooks.get(message.owner, message.webhook)
    except WebhookNotFound:
        webhook = None
    if webhook is not None and message.type not in webhook.events:
        return Tried(None)
    now = bench.clock()
    delivery = bench.deliveries.claim(message, now=now, lease=LEASE)
    if delivery is None:
        return _not_now(message, bench, now)
    if webhook is None or webhook.disabled:
        return Tried(
            _finished(delivery, bench, DeliveryState.HELD, reason="WEBHOOK_DISABLED" if webhook else "WEBHOOK_GONE")
        )
    return _send(delivery, webhook, bench)


def _not_now(message: DeliveryMessage, bench: Bench, now: datetime) -> Tried:
    """Decide about a message whose delivery was not free: it waits for its time, or has nothing left to do."""
    try:
        found = bench.deliveries.find(message.owner, message.webhook, message.event_id)
    except DeliveryNotFound:
        return Tried(None)
    if found.state is not DeliveryState.WAITING or found.round != message.round:
        return Tried(found)
    return Tried(found, come_back=max(found.due_at - now, timedelta(seconds=1)))


def _send(delivery: Delivery, webhook: Webhook, bench: Bench) -> Tried:
    now = bench.clock()
    try:
        secrets = bench.secrets.get(webhook.owner, webhook.name, now)
    except WebhookNotFound:
        return Tried(_finished(delivery, bench, DeliveryState.HELD, reason="WEBHOOK_GONE"))
    body = delivery.body.encode()
    headers = {"Content-Type": MEDIA_TYPE, "User-Agent": AGENT, "Accept": "*/*", "Connection": "close"}
    headers |= signed_headers(secrets, identifier=delivery.event_id, timestamp=int(now.timestamp()), body=body)
    answer = bench.post(webhook.url, headers, body)
    if answer.status is not None and HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return Tried(_finished(delivery, bench, DeliveryState.DELIVERED, answer.status), was_sent=True)
    if answer.status == HTTPStatus.GONE:
        bench.webhooks.disable(webhook.owner, webhook.name, url=webhook.url, reason=GONE, now=bench.clock())
        return Tried(_finished(delivery, bench, DeliveryState.FAILED, answer.status), was_sent=True)
    asked = answer.retry_after if answer.status in WAITABLE else None
    pause = pause_after(delivery.tries, asked=asked, spread=bench.spread())
    if pause is None:
        ended = _finished(delivery, bench, DeliveryState.FAILED, answer.status, answer.reason)
        return Tried(ended, was_sent=True)
    due_at = bench.clock() + pause
    waiting = _finished(delivery, bench, DeliveryState.WAITING, answer.status, answer.reason, due_at=due_at)
    # A second more: SQS counts whole seconds, and too early would cost a receive.
    return Tried(waiting, was_sent=True, come_back=pause + timedelta(seconds=1))


def _finished(  # noqa: PLR0913 - how it ended
    delivery: Delivery,
    bench: Bench,
    state: DeliveryState,
    answer: int | None = None,
    reason: str | None = None,
    *,
    due_at: datetime | None = None,
) -> Delivery:
    ended = replace(delivery, state=state, answer=answer, reason=reason, due_at=due_at or bench.clock())
    bench.deliveries.finish(ended)
    return ended
