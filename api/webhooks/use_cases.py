"""Webhooks: create, change, read, delete, rotate the secret, replay an event."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from api.dependencies import Dependencies
from shared.aws.dynamodb.webhooks.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhooks.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhooks.webhook_table import WebhookTable
from shared.aws.sqs import SqsQueue
from shared.clock import Clock
from shared.errors import NotificationsOff, WebhookNotFound
from shared.names import is_name
from shared.webhooks.delivery import Delivery
from shared.webhooks.webhook import SECRET_OVERLAP, Webhook, new_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Manages webhooks and replays their deliveries."""

    table: WebhookTable
    secrets: WebhookSecrets
    deliveries: DeliveryTable
    queue: SqsQueue
    clock: Clock
    #: True if the deployment sends notifications.
    is_on: bool
    #: True if webhook URLs can use internal hosts and plain HTTP.
    allow_internal: bool
    make_secret: Callable[[], str] = new_secret

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            table=dependencies.webhooks,
            secrets=dependencies.webhook_secrets,
            deliveries=dependencies.deliveries,
            queue=dependencies.webhook_queue,
            clock=dependencies.clock,
            is_on=dependencies.settings.notifications == "on",
            allow_internal=dependencies.settings.webhook_targets == "any",
        )

    def get(self, name: str, owner: str) -> Webhook:
        """Return one of the owner's webhooks. Raises WebhookNotFound if the owner has no webhook with this name."""
        if not is_name(name):
            raise WebhookNotFound
        return self.table.get(owner, name)

    def get_for_job(self, name: str, owner: str) -> Webhook:
        """Return a webhook for a new job. Raises WebhookNotFound, or NotificationsOff if notifications are off."""
        self._require_on()
        return self.get(name, owner)

    def put(self, name: str, owner: str, url: str, events: tuple[str, ...]) -> tuple[Webhook, str | None]:
        """Create a webhook, or change an existing webhook and enable it. Return it, and its secret if it is new.

        Raises NotificationsOff if the deployment sends no notifications.
        """
        self._require_on()
        now = self.clock()
        new = Webhook(owner=owner, name=name, url=url, events=events, created_at=now, updated_at=now)
        secret = self.make_secret()
        if self.table.create(new, secret, self.secrets):
            return new, secret
        return self.table.change(owner, name, url=url, events=events, now=now), None

    def delete(self, name: str, owner: str) -> None:
        """Delete a webhook and its secrets. Its pending deliveries end as HELD. Raises WebhookNotFound."""
        if not is_name(name):
            raise WebhookNotFound
        self.table.delete(owner, name, self.secrets, now=self.clock())

    def rotate_secret(self, name: str, owner: str) -> tuple[str, datetime]:
        """Create a new secret. Return it, and the time until which the previous secret is also used to sign.

        Raises WebhookNotFound if the owner has no webhook with this name.
        """
        webhook = self.get(name, owner)
        now = self.clock()
        secret = self.make_secret()
        self.secrets.rotate(owner, webhook.name, secret, now=now, overlap=SECRET_OVERLAP)
        return secret, now + SECRET_OVERLAP

    def replay(self, name: str, owner: str, event_id: str) -> Delivery:
        """Send an event again, whatever the state of its delivery. Raises WebhookNotFound or DeliveryNotFound."""
        webhook, now = self.get(name, owner), self.clock()
        self.table.mark_deferring(webhook, now)
        delivery = self.deliveries.replay(owner, webhook.name, event_id, now=now)
        message = delivery.to_message()
        self.queue.send(message.encode(), tenant=message.receiver)
        return delivery

    def _require_on(self) -> None:
        if not self.is_on:
            raise NotificationsOff
