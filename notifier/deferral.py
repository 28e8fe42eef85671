"""Deferred deliveries: once a minute, send a message for each one that is due.

Webhooks take turns, page by page, so the deferred deliveries of one receiver do not delay those of others. A paused
webhook costs one read. After a pause, one delivery is sent as a probe.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.dynamodb.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhook_table import WebhookTable
from shared.aws.sqs import SqsQueue
from shared.clock import Clock
from shared.errors import ServiceError, WebhookNotFound
from shared.webhooks.circuit import is_paused, needs_probe
from shared.webhooks.delivery import RESUME_AGAIN_AFTER

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
class ResumedPage:
    """Outcome of one turn of a webhook."""

    sent: int
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class DeferredDeliveries:
    """Sends messages for deferred deliveries that are due."""

    webhooks: WebhookTable
    deliveries: DeliveryTable
    queue: SqsQueue
    clock: Clock
    logger: Logger

    def resume(self, context: LambdaContext) -> int:
        """Send messages until all due deliveries have one or the time is up. Return the number of messages.

        An error affects only the webhook whose turn it is. Raises ServiceError if the webhooks cannot be listed.
        """
        waiting = list(self.webhooks.find_deferring(self.clock(), limit=MAX_WEBHOOKS))
        total = 0
        with ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="resume") as threads:
            for _ in range(MAX_TURNS):
                if not waiting or timedelta(milliseconds=context.get_remaining_time_in_millis()) < MARGIN:
                    break
                pages = list(threads.map(lambda each: self._resume_page(*each), waiting))
                total += sum(page.sent for page in pages)
                waiting = [each for each, page in zip(waiting, pages, strict=True) if page.has_more]
        return total

    def _resume_page(self, owner: str, name: str) -> ResumedPage:
        sent = 0
        try:
            webhook = self.webhooks.get(owner, name)
            now = self.clock()
            if is_paused(webhook, now):
                return ResumedPage(0)
            limit = 1 if needs_probe(webhook, now) else PAGE_SIZE
            due = list(self.deliveries.list_due(owner, name, now, limit=limit))
            for delivery in due:
                if self.deliveries.resume(delivery, again_at=now + RESUME_AGAIN_AFTER):
                    message = delivery.to_message()
                    self.queue.send(message.encode(), tenant=message.receiver)
                    sent += 1
            return ResumedPage(sent, has_more=len(due) == PAGE_SIZE)
        except WebhookNotFound:
            return ResumedPage(0)
        except ServiceError as error:
            self.logger.exception("Deferred deliveries not sent", extra={"webhook": name, "code": error.code})
            return ResumedPage(sent)
