"""Deferred deliveries: once a minute, send a message for each one that is due.

Webhooks take turns, page by page, so the deferred deliveries of one receiver do not delay those of others. A paused
webhook costs two reads, and one for each delivery of a page. After a pause, one delivery is sent as a probe. Deliveries
of a deleted or disabled webhook end, and so do those that have waited for a paused webhook for three days.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.dynamodb.webhooks.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhooks.webhook_table import WebhookTable
from shared.aws.sqs import SqsQueue
from shared.clock import Clock
from shared.errors import ServiceError, WebhookNotFound
from shared.webhooks.circuit import GIVE_UP_AFTER, is_paused, needs_probe
from shared.webhooks.delivery import (
    PAUSED,
    RESUME_AGAIN_AFTER,
    RETENTION,
    WEBHOOK_DISABLED,
    WEBHOOK_GONE,
    Delivery,
    DeliveryState,
)

#: Webhooks that are looked at in one run.
MAX_WEBHOOKS = 5000
#: Deliveries of one webhook per turn.
PAGE_SIZE = 100
#: Turns of one webhook per run: at most 1,000 of its deliveries are sent per minute.
MAX_TURNS = 10
MAX_CONCURRENCY = 10
#: A turn is started only if at least this much time of the invocation is left.
MARGIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Resumed:
    """Outcome of a run, or of one turn of a webhook."""

    #: Number of messages that were sent.
    sent: int = 0
    #: Number of deliveries that ended, because their webhook was deleted or disabled.
    held: int = 0
    #: Number of deliveries that ended, because their receiver was paused for too long.
    failed: int = 0
    has_more: bool = False

    def __add__(self, other: "Resumed") -> "Resumed":
        """Return the sum of two turns."""
        return Resumed(self.sent + other.sent, self.held + other.held, self.failed + other.failed)


@dataclass(frozen=True, slots=True)
class DeferredDeliveries:
    """Sends messages for deferred deliveries that are due."""

    webhooks: WebhookTable
    deliveries: DeliveryTable
    queue: SqsQueue
    clock: Clock
    logger: Logger

    def resume(self, context: LambdaContext) -> Resumed:
        """Send messages until all due deliveries have one or the time is up. End those of deleted webhooks.

        An error affects only the webhook whose turn it is. Raises ServiceError if the webhooks cannot be listed.
        """
        # A webhook that was deleted and created again is listed twice.
        waiting = list(dict.fromkeys(self.webhooks.find_deferring(self.clock(), limit=MAX_WEBHOOKS)))
        total = Resumed()
        with ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="resume") as threads:
            for _ in range(MAX_TURNS):
                if not waiting or timedelta(milliseconds=context.get_remaining_time_in_millis()) < MARGIN:
                    break
                pages = list(threads.map(lambda each: self._resume_page(*each), waiting))
                total = sum(pages, total)
                waiting = [each for each, page in zip(waiting, pages, strict=True) if page.has_more]
        return total

    def _resume_page(self, owner: str, name: str) -> Resumed:
        now = self.clock()
        try:
            try:
                webhook = self.webhooks.get(owner, name)
            except WebhookNotFound:
                return self._end_page(owner, name, now)
            if webhook.disabled:
                due = list(self.deliveries.list_due(owner, name, now, limit=PAGE_SIZE))
                return self._hold_page(name, due, now, reason=WEBHOOK_DISABLED)
            if is_paused(webhook, now):
                return self._give_up_page(owner, name, now)
            if needs_probe(webhook, now):
                # The others wait for the result of one delivery, but not for ever.
                ended = self._give_up_page(owner, name, now)
                return ended if ended.has_more else ended + self._send_page(owner, name, now, limit=1)
            return self._send_page(owner, name, now, limit=PAGE_SIZE)
        except ServiceError as error:
            self.logger.exception("Deferred deliveries not sent", extra={"webhook": name, "code": error.code})
            return Resumed()

    def _send_page(self, owner: str, name: str, now: datetime, *, limit: int) -> Resumed:
        due = list(self.deliveries.list_due(owner, name, now, limit=limit))
        sent = 0
        for delivery in due:
            if self.deliveries.resume(delivery, again_at=now + RESUME_AGAIN_AFTER):
                message = delivery.to_message()
                self.queue.send(message.encode(), tenant=message.receiver)
                sent += 1
        return Resumed(sent, has_more=len(due) == PAGE_SIZE)

    def _end_page(self, owner: str, name: str, now: datetime) -> Resumed:
        """End deliveries of a deleted webhook, whenever they are due. Without any, end the listing of the webhook."""
        due = list(self.deliveries.list_due(owner, name, now + RETENTION, limit=PAGE_SIZE))
        if not due:
            self.webhooks.end_listing(owner, name, now)
        return self._hold_page(name, due, now, reason=WEBHOOK_GONE)

    def _give_up_page(self, owner: str, name: str, now: datetime) -> Resumed:
        """End deliveries of a paused webhook that have waited for too long."""
        due = list(self.deliveries.list_due(owner, name, now, limit=PAGE_SIZE))
        old = [delivery for delivery in due if now - delivery.created_at > GIVE_UP_AFTER]
        failed = sum(self.deliveries.end(each, DeliveryState.FAILED, reason=PAUSED, now=now) for each in old)
        if failed:
            self.logger.error("Deliveries given up", extra={"webhook": name, "reason": PAUSED, "deliveries": failed})
        return Resumed(failed=failed, has_more=len(old) == PAGE_SIZE)

    def _hold_page(self, name: str, due: Sequence[Delivery], now: datetime, *, reason: str) -> Resumed:
        held = sum(self.deliveries.end(each, DeliveryState.HELD, reason=reason, now=now) for each in due)
        if held:
            self.logger.info("Deliveries held", extra={"webhook": name, "reason": reason, "deliveries": held})
        return Resumed(held=held, has_more=len(due) == PAGE_SIZE)
