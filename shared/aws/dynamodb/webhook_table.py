"""Callers' webhooks in the ``Webhooks`` table. Their secrets are in another table.

Entries are under their owner: ``webhook#{name}`` is a webhook, ``delivery#{name}#{event ID}`` one of its deliveries
(``shared.aws.dynamodb.delivery_table``).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import is_refused, placeholders
from shared.aws.dynamodb.owned_items import OwnedItems, OwnedPage
from shared.aws.dynamodb.transactions import transact
from shared.aws.dynamodb.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.wire import to_wire
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError, WebhookNotFound
from shared.webhooks.webhook import Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class WebhookTable:
    """Callers' webhooks. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Webhooks`` table."""
        self._client = client
        self._items = OwnedItems(client, table, "webhook#")

    def get(self, owner: str, name: str) -> Webhook:
        """Return a webhook. Raises WebhookNotFound."""
        item = self._items.get(owner, name)
        if item is None:
            raise WebhookNotFound
        return _from_item(item)

    def page(self, owner: str, *, limit: int, after: str | None = None) -> OwnedPage[Webhook]:
        """List an owner's webhooks by name; ``after`` is the last name of the previous page."""
        page = self._items.page(owner, limit=limit, after=after)
        return OwnedPage(tuple(map(_from_item, page.entries)), page.next_after)

    def create(self, webhook: Webhook, secret: str, secrets: WebhookSecrets) -> bool:
        """Write a new webhook and its secret, both or neither. Return False if the name exists."""
        condition = "attribute_not_exists(#Owner)"
        put: Any = {
            "TableName": self._items.table,
            "Item": to_wire(self._items.key(webhook.owner, webhook.name) | _to_item(webhook)),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": placeholders(condition),
        }
        try:
            transact(self._client, [{"Put": put}, secrets.put_first(webhook, secret)])
        except ServiceError as error:
            if is_refused(error):
                return False
            raise
        return True

    def change(self, owner: str, name: str, *, url: str, events: tuple[str, ...], now: datetime) -> Webhook:
        """Change a webhook, and enable it again if it was disabled. Raises WebhookNotFound."""
        item = self._items.update(
            owner,
            name,
            "SET #Url = :url, #Events = :events, #UpdatedAt = :now REMOVE #Disabled",
            {":url": url, ":events": list(events), ":now": to_iso(now)},
            condition="attribute_exists(#Owner)",
        )
        if item is None:
            raise WebhookNotFound
        return _from_item(item)

    def disable(self, owner: str, name: str, *, url: str, reason: str, now: datetime) -> bool:
        """Disable a webhook. Return False if it was deleted or its URL was changed in the meantime."""
        item = self._items.update(
            owner,
            name,
            "SET #Disabled = :reason, #UpdatedAt = :now",
            {":reason": reason, ":now": to_iso(now), ":url": url},
            condition="attribute_exists(#Owner) AND #Url = :url",
        )
        return item is not None

    def delete(self, owner: str, name: str) -> None:
        """Delete a webhook. Raises WebhookNotFound."""
        if not self._items.delete(owner, name):
            raise WebhookNotFound


def _to_item(webhook: Webhook) -> dict[str, Any]:
    return {
        "Name": webhook.name,
        "Url": webhook.url,
        "Events": list(webhook.events),
        "CreatedAt": to_iso(webhook.created_at),
        "UpdatedAt": to_iso(webhook.updated_at),
    }


def _from_item(item: Mapping[str, Any]) -> Webhook:
    return Webhook(
        owner=item["Owner"],
        name=item["Name"],
        url=item["Url"],
        events=tuple(item["Events"]),
        created_at=from_iso(item["CreatedAt"]),
        updated_at=from_iso(item["UpdatedAt"]),
        disabled=item.get("Disabled"),
    )
