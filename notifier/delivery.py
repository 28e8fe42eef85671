"""One delivery attempt of a webhook: claim it, send it, record the result. Independent of Lambda and SQS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from notifier.http_post import HttpResponse
from notifier.signature import build_signature_headers
from shared.aws.dynamodb.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhook_table import WebhookTable
from shared.clock import Clock
from shared.errors import DeliveryNotFound, WebhookNotFound
from shared.version import VERSION
from shared.webhooks.delivery import Delivery, DeliveryMessage, DeliveryState, compute_retry_delay
from shared.webhooks.event import MEDIA_TYPE
from shared.webhooks.webhook import GONE, Webhook

#: How long a claim is valid. Connecting and sending cannot take longer than this.
DELIVERY_LEASE = timedelta(seconds=60)
USER_AGENT = f"Safelight/{VERSION}"
#: Statuses whose ``Retry-After`` header is respected.
RETRY_AFTER_STATUSES = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What happened to a delivery message."""

    #: The delivery as it is stored now, or None if no delivery is stored.
    delivery: Delivery | None
    was_sent: bool = False
    #: Delay until the message must be processed again, or None if the message can be deleted.
    retry_in: timedelta | None = None


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Sends deliveries to webhooks and records the results."""

    webhooks: WebhookTable
    secrets: WebhookSecrets
    deliveries: DeliveryTable
    post: Callable[[str, Mapping[str, str], bytes], HttpResponse]
    clock: Clock
    #: Returns a random number between 0 and 1.
    random: Callable[[], float]

    def deliver(self, message: DeliveryMessage) -> DeliveryResult:
        """Send a delivery once if it is due and the webhook still subscribes to its type of event.

        Raises ServiceError if an AWS service fails.
        """
        try:
            webhook = self.webhooks.get(message.owner, message.webhook)
        except WebhookNotFound:
            webhook = None
        if webhook is not None and message.type not in webhook.events:
            return DeliveryResult(None)
        now = self.clock()
        delivery = self.deliveries.claim(message, now=now, lease=DELIVERY_LEASE)
        if delivery is None:
            return self._explain_refusal(message, now)
        if webhook is None or webhook.disabled:
            reason = "WEBHOOK_DISABLED" if webhook else "WEBHOOK_GONE"
            return DeliveryResult(self._finish(delivery, DeliveryState.HELD, reason=reason))
        return self._send(delivery, webhook)

    def _explain_refusal(self, message: DeliveryMessage, now: datetime) -> DeliveryResult:
        """Return the state of a delivery that could not be claimed, and the delay after which to retry its message."""
        try:
            delivery = self.deliveries.find(message.owner, message.webhook, message.event_id)
        except DeliveryNotFound:
            return DeliveryResult(None)
        if delivery.state is not DeliveryState.WAITING or delivery.round != message.round:
            return DeliveryResult(delivery)
        return DeliveryResult(delivery, retry_in=max(delivery.due_at - now, timedelta(seconds=1)))

    def _send(self, delivery: Delivery, webhook: Webhook) -> DeliveryResult:
        now = self.clock()
        try:
            secrets = self.secrets.get(webhook.owner, webhook.name, now)
        except WebhookNotFound:
            return DeliveryResult(self._finish(delivery, DeliveryState.HELD, reason="WEBHOOK_GONE"))
        body = delivery.body.encode()
        headers = {"Content-Type": MEDIA_TYPE, "User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
        timestamp = int(now.timestamp())
        headers |= build_signature_headers(secrets, message_id=delivery.event_id, timestamp=timestamp, body=body)
        response = self.post(webhook.url, headers, body)
        status = response.status
        if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return DeliveryResult(self._finish(delivery, DeliveryState.DELIVERED, status), was_sent=True)
        if status == HTTPStatus.GONE:
            self.webhooks.disable(webhook.owner, webhook.name, url=webhook.url, reason=GONE, now=self.clock())
            return DeliveryResult(self._finish(delivery, DeliveryState.FAILED, status), was_sent=True)
        retry_after = response.retry_after if status in RETRY_AFTER_STATUSES else None
        delay = compute_retry_delay(delivery.tries, requested=retry_after, spread=self.random())
        if delay is None:
            failed = self._finish(delivery, DeliveryState.FAILED, status, response.reason)
            return DeliveryResult(failed, was_sent=True)
        due_at = self.clock() + delay
        waiting = self._finish(delivery, DeliveryState.WAITING, status, response.reason, due_at=due_at)
        # SQS counts whole seconds. Without an extra second, the message could be received before the delivery is due.
        return DeliveryResult(waiting, was_sent=True, retry_in=delay + timedelta(seconds=1))

    def _finish(
        self,
        delivery: Delivery,
        state: DeliveryState,
        status: int | None = None,
        reason: str | None = None,
        *,
        due_at: datetime | None = None,
    ) -> Delivery:
        """Store the result of an attempt and return the delivery."""
        finished = replace(delivery, state=state, answer=status, reason=reason, due_at=due_at or self.clock())
        self.deliveries.finish(finished)
        return finished
