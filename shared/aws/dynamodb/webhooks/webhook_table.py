"""Callers' webhooks in the ``Webhooks`` table. Their secrets are in another table.

Entries are under their owner: ``webhook#{name}`` is a webhook, ``delivery#{name}#{event ID}`` one of its deliveries
(``shared.aws.dynamodb.webhooks.delivery_table``).

The partition ``WEBHOOKS`` of the sparse index ``Deferred`` lists the webhooks that may have deferred deliveries. A
webhook is listed when it is created and before a delivery is deferred. It stays listed until its deliveries have
expired. It is not removed earlier, because a removal would race with the next deferral.

The deletion of a webhook leaves an entry ``deleted#{name}`` in this partition, so that its deferred deliveries are
ended. A try that was running at that time may still defer a delivery, so the entry stays for ``ENDING_TIME``, and then
until the schedule has found no more deliveries, however long the schedule did not run.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import is_refused, placeholders
from shared.aws.dynamodb.owned_items import OwnedItems, OwnedPage
from shared.aws.dynamodb.transactions import transact
from shared.aws.dynamodb.webhooks.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.wire import from_optional_iso, to_wire
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError, WebhookNotFound
from shared.webhooks.circuit import MAX_FAILURES, compute_pause
from shared.webhooks.delivery import RETENTION
from shared.webhooks.webhook import Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "Deferred"
#: Partition of the index with the webhooks that may have deferred deliveries.
WEBHOOKS = "webhooks"
#: The time for which a webhook is listed is extended if less than this time is left.
MIN_LISTED = RETENTION / 2
#: How long a webhook is listed. TTL removes a delivery up to two days late.
LISTED_FOR = RETENTION + timedelta(days=2)
#: How long a deleted webhook is listed at least.
ENDING_TIME = timedelta(hours=1)


class WebhookTable:
    """Callers' webhooks. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Webhooks`` table."""
        self._client = client
        self._items = OwnedItems(client, table, "webhook#")
        self._deleted = OwnedItems(client, table, "deleted#")

    def get(self, owner: str, name: str) -> Webhook:
        """Return a webhook. Raises WebhookNotFound if the owner has no webhook with this name."""
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
            # Listed from the beginning: an earlier webhook of this name may have left deferred deliveries.
            "Item": to_wire(
                self._items.key(webhook.owner, webhook.name)
                | _to_item(webhook)
                | {"DeferredBy": WEBHOOKS, "ResumeAt": to_iso(webhook.created_at + LISTED_FOR)}
            ),
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
        """Change a webhook, and enable it again if it was disabled or paused.

        Raises WebhookNotFound if the owner has no webhook with this name.
        """
        item = self._items.update(
            owner,
            name,
            "SET #Url = :url, #Events = :events, #UpdatedAt = :now REMOVE #Disabled, #Failures, #Pauses, #PausedUntil",
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

    def record_failure(self, webhook: Webhook, now: datetime) -> datetime | None:
        """Count a failed try. Return the end of the pause if the webhook is paused now, otherwise None."""
        failed = self._items.update(
            webhook.owner,
            webhook.name,
            "SET #Failures = if_not_exists(#Failures, :zero) + :one",
            {":zero": 0, ":one": 1},
            condition="attribute_exists(#Owner)",
        )
        if failed is None or failed["Failures"] < MAX_FAILURES:
            return None
        until = now + compute_pause(webhook.pauses)
        # If several tries fail at the same time, only the first one starts a pause. A failed probe starts a new pause.
        self._items.update(
            webhook.owner,
            webhook.name,
            "SET #PausedUntil = :until, #Pauses = :pauses",
            {":until": to_iso(until), ":pauses": webhook.pauses + 1, ":seen": webhook.pauses},
            condition="attribute_not_exists(#Pauses) OR #Pauses = :seen",
        )
        return until

    def record_success(self, webhook: Webhook) -> None:
        """End a pause and forget earlier failures. No-op without failures."""
        if webhook.failures or webhook.paused_until is not None:
            self._items.update(
                webhook.owner,
                webhook.name,
                "REMOVE #Failures, #Pauses, #PausedUntil",
                {},
                condition="attribute_exists(#Owner)",
            )

    def start_probe(self, webhook: Webhook, *, until: datetime) -> bool:
        """Reserve the only try after a pause, the probe. Return False if another delivery has already reserved it.

        If the probe ends without a result, the next probe can start at ``until``.
        """
        item = self._items.update(
            webhook.owner,
            webhook.name,
            "SET #PausedUntil = :until",
            {":until": to_iso(until), ":seen": to_iso(webhook.paused_until or until)},
            condition="#PausedUntil = :seen",
        )
        return item is not None

    def mark_deferring(self, webhook: Webhook, now: datetime) -> None:
        """List a webhook in the index. Call this before each deferral. It writes at most once per week."""
        if webhook.may_defer_until is not None and webhook.may_defer_until - now > MIN_LISTED:
            return
        self._items.update(
            webhook.owner,
            webhook.name,
            "SET #DeferredBy = :webhooks, #ResumeAt = :until",
            {":webhooks": WEBHOOKS, ":until": to_iso(now + LISTED_FOR)},
            condition="attribute_exists(#Owner)",
        )

    def find_deferring(self, now: datetime, *, limit: int) -> Iterator[tuple[str, str]]:
        """Yield owner and name of up to ``limit`` webhooks, some of them deleted, that may have deferred deliveries."""
        values = {":webhooks": WEBHOOKS, ":now": to_iso(now)}
        condition = "#DeferredBy = :webhooks AND #ResumeAt > :now"
        for item in self._items.query_index(INDEX, condition, values, limit=limit):
            yield item["Owner"], str(item["Entry"]).partition("#")[2]

    def delete(self, owner: str, name: str, secrets: WebhookSecrets, *, now: datetime) -> None:
        """Delete a webhook and its secrets, and list it as deleted, all or nothing.

        Raises WebhookNotFound if the owner has no webhook with this name.
        """
        condition = "attribute_exists(#Owner)"
        deletion: Any = {
            "TableName": self._items.table,
            "Key": to_wire(self._items.key(owner, name)),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": placeholders(condition),
        }
        until = now + LISTED_FOR
        times = {"ResumeAt": to_iso(until), "ExpiresAt": int(until.timestamp())}
        listed: Any = {
            "TableName": self._items.table,
            "Item": to_wire(self._deleted.key(owner, name) | {"DeferredBy": WEBHOOKS} | times),
        }
        try:
            transact(self._client, [{"Delete": deletion}, {"Put": listed}, secrets.delete(owner, name)])
        except ServiceError as error:
            if is_refused(error):
                raise WebhookNotFound from error
            raise

    def end_listing(self, owner: str, name: str, now: datetime) -> None:
        """Remove a deleted webhook, which has no deferred deliveries, from the index.

        Do nothing until ``ENDING_TIME`` after its last deletion, because a running try may still defer a delivery.
        """
        self._deleted.update(
            owner,
            name,
            "REMOVE #DeferredBy, #ResumeAt",
            {":settled": to_iso(now - ENDING_TIME + LISTED_FOR)},
            condition="#ResumeAt < :settled",
        )


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
        failures=item.get("Failures", 0),
        pauses=item.get("Pauses", 0),
        paused_until=from_optional_iso(item.get("PausedUntil")),
        may_defer_until=from_optional_iso(item.get("ResumeAt")),
    )
