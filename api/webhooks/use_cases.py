"""Webhooks: make, change, look up, rotate the secret, replay. The use cases, without HTTP."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from api.dependencies import Dependencies
from shared.aws.dynamodb.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhook_table import WebhookTable
from shared.aws.sqs import SqsQueue
from shared.clock import Clock
from shared.errors import NotificationsOff, WebhookNotFound
from shared.names import is_name
from shared.webhooks.delivery import Delivery, DeliveryMessage
from shared.webhooks.webhook import SECRET_OVERLAP, Webhook, new_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchboard:
    """What webhooks work with."""

    webhooks: WebhookTable
    secrets: WebhookSecrets
    deliveries: DeliveryTable
    queue: SqsQueue
    clock: Clock
    #: Whether the ends of jobs are told at all.
    is_on: bool
    #: Whether webhooks may lead to internal hosts, and by plain HTTP.
    allow_internal: bool
    make_secret: Callable[[], str] = new_secret

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            webhooks=dependencies.webhooks,
            secrets=dependencies.webhook_secrets,
            deliveries=dependencies.deliveries,
            queue=dependencies.webhook_queue,
            clock=dependencies.clock,
            is_on=dependencies.settings.notifications == "on",
            allow_internal=dependencies.settings.webhook_targets == "any",
        )


def own_webhook(name: str, owner: str, board: Switchboard) -> Webhook:
    """Read one of the owner's webhooks. Raises WebhookNotFound."""
    if not is_name(name):
        raise WebhookNotFound
    return board.webhooks.get(owner, name)


def usable_webhook(name: str, owner: str, board: Switchboard) -> Webhook:
    """Read a webhook that a job may name. Raises NotificationsOff where it would never be told, or WebhookNotFound."""
    demand_notifications(board)
    return own_webhook(name, owner, board)


def put_webhook(
    name: str, owner: str, url: str, events: tuple[str, ...], board: Switchboard
) -> tuple[Webhook, str | None]:
    """Make a webhook and return its secret with it, or change the one of that name and use it again.

    Raises NotificationsOff.
    """
    demand_notifications(board)
    now = board.clock()
    new = Webhook(owner=owner, name=name, url=url, events=events, created_at=now, updated_at=now)
    secret = board.make_secret()
    if board.webhooks.create(new, secret, board.secrets):
        return new, secret
    return board.webhooks.change(owner, name, url=url, events=events, now=now), None


def delete_webhook(name: str, owner: str, board: Switchboard) -> None:
    """Take a webhook and its secrets away; what waits for it is not sent any more. Raises WebhookNotFound."""
    if not is_name(name):
        raise WebhookNotFound
    board.webhooks.delete(owner, name)
    board.secrets.delete(owner, name)


def rotate(name: str, owner: str, board: Switchboard) -> tuple[str, datetime]:
    """Give a webhook a new secret; return it, and until when the one before signs too. Raises WebhookNotFound."""
    webhook = own_webhook(name, owner, board)
    now = board.clock()
    secret = board.make_secret()
    board.secrets.rotate(owner, webhook.name, secret, now=now, overlap=SECRET_OVERLAP)
    return secret, now + SECRET_OVERLAP


def replay(name: str, owner: str, event_id: str, board: Switchboard) -> Delivery:
    """Send an event once more, whatever became of it. Raises WebhookNotFound or DeliveryNotFound."""
    webhook = own_webhook(name, owner, board)
    delivery = board.deliveries.replay(owner, webhook.name, event_id, now=board.clock())
    message = DeliveryMessage(
        owner=owner,
        webhook=webhook.name,
        event_id=delivery.event_id,
        type=delivery.type,
        job_id=delivery.job_id,
        body=delivery.body,
        round=delivery.round,
    )
    board.queue.send(message.encode())
    return delivery


def demand_notifications(board: Switchboard) -> None:
    """Raise NotificationsOff where nobody is told anything."""
    if not board.is_on:
        raise NotificationsOff
