"""One delivery attempt of a webhook: claim it, send it, record the result. Independent of Lambda and SQS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from notifier.http_post import HttpResponse
from notifier.signature import build_signature_headers
from shared.aws.dynamodb.webhooks.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhooks.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhooks.webhook_table import WebhookTable
from shared.clock import Clock
from shared.errors import DeliveryNotFound, WebhookNotFound
from shared.version import VERSION
from shared.webhooks.circuit import GIVE_UP_AFTER, is_paused, needs_probe
from shared.webhooks.delivery import (
    EVENT_NOT_SELECTED,
    LONGEST_QUEUE_DELAY,
    PAUSED,
    WEBHOOK_DISABLED,
    WEBHOOK_GONE,
    Delivery,
    DeliveryMessage,
    DeliveryState,
    compute_retry_delay,
)
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
    #: True if this try has paused the webhook.
    has_paused: bool = False


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

        While the webhook is paused, the delivery is deferred instead. Raises ServiceError if an AWS service fails.
        """
        try:
            webhook = self.webhooks.get(message.owner, message.webhook)
        except WebhookNotFound:
            webhook = None
        now = self.clock()
        if webhook is None:
            return self._hold(message, WEBHOOK_GONE, now)
        if message.type not in webhook.events:
            # Events that the webhook does not select are not in the log, unless they were waiting or are replayed.
            return self._hold(message, EVENT_NOT_SELECTED, now) if self._is_logged(message) else DeliveryResult(None)
        if webhook.disabled:
            return self._hold(message, WEBHOOK_DISABLED, now)
        if (until := self._pause(webhook, now)) is not None:
            return self._defer(message, webhook, until, now)
        delivery = self.deliveries.claim(message, now=now, lease=DELIVERY_LEASE)
        return self._explain_refusal(message, now) if delivery is None else self._send(delivery, webhook)

    def _hold(self, message: DeliveryMessage, reason: str, now: datetime) -> DeliveryResult:
        """End a delivery without a try."""
        delivery = self.deliveries.claim(message, now=now, lease=DELIVERY_LEASE)
        if delivery is None:
            return self._explain_refusal(message, now)
        return DeliveryResult(self._finish(delivery, DeliveryState.HELD, reason=reason))

    def _is_logged(self, message: DeliveryMessage) -> bool:
        try:
            self.deliveries.find(message.owner, message.webhook, message.event_id)
        except DeliveryNotFound:
            return False
        return True

    def _pause(self, webhook: Webhook, now: datetime) -> datetime | None:
        """Return until when the delivery must wait, or None if it may be tried now."""
        if is_paused(webhook, now):
            return webhook.paused_until
        probe_end = now + DELIVERY_LEASE
        if needs_probe(webhook, now) and not self.webhooks.start_probe(webhook, until=probe_end):
            return probe_end
        return None

    def _defer(self, message: DeliveryMessage, webhook: Webhook, until: datetime, now: datetime) -> DeliveryResult:
        """Let a delivery wait in the table without a try, or give it up if it has waited too long."""
        self.webhooks.mark_deferring(webhook, now)
        delivery = self.deliveries.defer(message, until=until, now=now, reason=PAUSED)
        if delivery is None:
            return self._explain_refusal(message, now)
        if now - delivery.created_at > GIVE_UP_AFTER:
            return DeliveryResult(self._finish(delivery, DeliveryState.FAILED, delivery.answer, delivery.reason))
        return DeliveryResult(delivery)

    def _explain_refusal(self, message: DeliveryMessage, now: datetime) -> DeliveryResult:
        """Return the state of a delivery that could not be claimed, and the delay after which to retry its message."""
        try:
            delivery = self.deliveries.find(message.owner, message.webhook, message.event_id)
        except DeliveryNotFound:
            return DeliveryResult(None)
        is_stale = delivery.state is not DeliveryState.WAITING or delivery.round != message.round
        if is_stale or delivery.resume_at is not None:
            return DeliveryResult(delivery)
        return DeliveryResult(delivery, retry_in=max(delivery.due_at - now, timedelta(seconds=1)))

    def _send(self, delivery: Delivery, webhook: Webhook) -> DeliveryResult:
        now = self.clock()
        try:
            secrets = self.secrets.get(webhook.owner, webhook.name, now)
        except WebhookNotFound:
            return DeliveryResult(self._finish(delivery, DeliveryState.HELD, reason=WEBHOOK_GONE))
        body = delivery.body.encode()
        headers = {"Content-Type": MEDIA_TYPE, "User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
        timestamp = int(now.timestamp())
        headers |= build_signature_headers(secrets, message_id=delivery.event_id, timestamp=timestamp, body=body)
        response = self.post(webhook.url, headers, body)
        status = response.status
        if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            self.webhooks.record_success(webhook)
            return DeliveryResult(self._finish(delivery, DeliveryState.DELIVERED, status), was_sent=True)
        if status == HTTPStatus.GONE:
            self.webhooks.disable(webhook.owner, webhook.name, url=webhook.url, reason=GONE, now=self.clock())
            return DeliveryResult(self._finish(delivery, DeliveryState.FAILED, status), was_sent=True)
        return self._retry_later(delivery, webhook, response)

    def _retry_later(self, delivery: Delivery, webhook: Webhook, response: HttpResponse) -> DeliveryResult:
        """Count the failure, and let the delivery wait in the queue, in the table, or fail it after its last try."""
        status = response.status
        now = self.clock()
        paused_until = self.webhooks.record_failure(webhook, now)
        has_paused = paused_until is not None
        retry_after = response.retry_after if status in RETRY_AFTER_STATUSES else None
        delay = compute_retry_delay(delivery.tries, requested=retry_after, spread=self.random())
        if delay is None:
            failed = self._finish(delivery, DeliveryState.FAILED, status, response.reason)
            return DeliveryResult(failed, was_sent=True, has_paused=has_paused)
        due_at = max(now + delay, paused_until or now)
        if has_paused or delay > LONGEST_QUEUE_DELAY:
            self.webhooks.mark_deferring(webhook, now)
            deferred = replace(delivery, resume_at=due_at)
            waiting = self._finish(deferred, DeliveryState.WAITING, status, response.reason, due_at=due_at)
            return DeliveryResult(waiting, was_sent=True, has_paused=has_paused)
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
        if state is not DeliveryState.WAITING:
            delivery = replace(delivery, resume_at=None)
        finished = replace(delivery, state=state, answer=status, reason=reason, due_at=due_at or self.clock())
        self.deliveries.finish(finished)
        return finished
