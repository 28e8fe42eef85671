"""Deliveries in the ``Webhooks`` table: the log of each webhook, and the claim that prevents concurrent sends.

The first claim of an event creates its one record per webhook, so a duplicate message finds that record.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.owned_items import OwnedItems, OwnedPage
from shared.aws.dynamodb.wire import from_optional_iso
from shared.clock import from_iso, to_iso
from shared.errors import DeliveryNotFound
from shared.webhooks.delivery import RETENTION, Delivery, DeliveryMessage, DeliveryState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DeliveryTable:
    """Deliveries to webhooks. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Webhooks`` table."""
        self._items = OwnedItems(client, table, "delivery#")

    def claim(self, message: DeliveryMessage, *, now: datetime, lease: timedelta) -> Delivery | None:
        """Claim a delivery for one try. Return None if it is not free; :meth:`find` says why.

        A delivery is free if nobody has claimed it yet, or if it is due and waits in the round of the message.
        """
        item = self._items.update(
            message.owner,
            _name(message.webhook, message.event_id),
            "SET #State = :waiting, #DueAt = :due, #TriedAt = :now, #Tries = if_not_exists(#Tries, :zero) + :one,"
            " #Round = if_not_exists(#Round, :round), #CreatedAt = if_not_exists(#CreatedAt, :now),"
            " #Webhook = :name, #EventID = :event, #Type = :type, #JobID = :job,"
            " #Body = if_not_exists(#Body, :body), #ExpiresAt = if_not_exists(#ExpiresAt, :expires)",
            {
                ":waiting": DeliveryState.WAITING.value,
                ":now": to_iso(now),
                ":due": to_iso(now + lease),
                ":round": message.round,
                ":zero": 0,
                ":one": 1,
                ":name": message.webhook,
                ":event": message.event_id,
                ":type": message.type,
                ":job": message.job_id,
                ":body": message.body,
                ":expires": _expiry(now),
            },
            condition="attribute_not_exists(#State) OR (#State = :waiting AND #DueAt <= :now AND #Round = :round)",
        )
        return None if item is None else _from_item(item)

    def finish(self, delivery: Delivery) -> bool:
        """Write the result of a try. Return False if another try or a replay has started since."""
        item = self._items.update(
            delivery.owner,
            _name(delivery.webhook, delivery.event_id),
            "SET #State = :state, #DueAt = :due, #Answer = :answer, #Reason = :reason",
            {
                ":state": delivery.state.value,
                ":due": to_iso(delivery.due_at),
                ":answer": delivery.answer,
                ":reason": delivery.reason,
                ":tries": delivery.tries,
                ":round": delivery.round,
            },
            condition="#Tries = :tries AND #Round = :round",
        )
        return item is not None

    def find(self, owner: str, webhook: str, event_id: str) -> Delivery:
        """Return a delivery. Raises DeliveryNotFound."""
        item = self._items.get(owner, _name(webhook, event_id))
        if item is None:
            raise DeliveryNotFound
        return _from_item(item)

    def replay(self, owner: str, webhook: str, event_id: str, *, now: datetime) -> Delivery:
        """Start a delivery again in a new round, whatever its state. Raises DeliveryNotFound."""
        item = self._items.update(
            owner,
            _name(webhook, event_id),
            "SET #State = :waiting, #DueAt = :now, #Tries = :zero, #Round = #Round + :one, #ExpiresAt = :expires",
            {
                ":waiting": DeliveryState.WAITING.value,
                ":now": to_iso(now),
                ":zero": 0,
                ":one": 1,
                ":expires": _expiry(now),
            },
            condition="attribute_exists(#State)",
        )
        if item is None:
            raise DeliveryNotFound
        return _from_item(item)

    def page(self, owner: str, webhook: str, *, limit: int, after: str | None = None) -> OwnedPage[Delivery]:
        """List a webhook's deliveries, newest job first; ``after`` is the last event ID of the previous page."""
        page = self._items.page(owner, limit=limit, after=after, folder=_name(webhook, ""), newest_first=True)
        return OwnedPage(tuple(map(_from_item, page.entries)), page.next_after)


def _from_item(item: Mapping[str, Any]) -> Delivery:
    return Delivery(
        owner=item["Owner"],
        webhook=item["Webhook"],
        event_id=item["EventID"],
        type=item["Type"],
        job_id=item["JobID"],
        body=item["Body"],
        state=DeliveryState(item["State"]),
        tries=item["Tries"],
        round=item["Round"],
        created_at=from_iso(item["CreatedAt"]),
        due_at=from_iso(item["DueAt"]),
        tried_at=from_optional_iso(item.get("TriedAt")),
        answer=item.get("Answer"),
        reason=item.get("Reason"),
    )


def _name(webhook: str, event_id: str) -> str:
    return f"{webhook}#{event_id}"


def _expiry(now: datetime) -> int:
    return int((now + RETENTION).timestamp())
