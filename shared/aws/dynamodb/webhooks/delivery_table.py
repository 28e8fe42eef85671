"""Deliveries in the ``Webhooks`` table: the log of each webhook, and the claim that prevents concurrent sends.

An event has one record for each webhook. The first claim creates it, so a duplicate message finds the record.

A delivery that waits longer than ``LONGEST_QUEUE_DELAY`` is deferred: it has no message and is in the index
``Deferred`` under its receiver, sorted by ``ResumeAt``. Each receiver has its own partition, so the deliveries of one
receiver do not delay those of another.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.owned_items import OwnedItems, OwnedPage
from shared.aws.dynamodb.webhooks.webhook_table import INDEX
from shared.aws.dynamodb.wire import from_optional_iso
from shared.clock import from_iso, to_iso
from shared.errors import DeliveryNotFound
from shared.webhooks.delivery import (
    RESUME_AGAIN_AFTER,
    RETENTION,
    Delivery,
    DeliveryMessage,
    DeliveryState,
    compute_receiver,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: The facts of a delivery, written by its first claim or deferral. Later ones keep what may not change.
_SET_FACTS = (
    "#Round = if_not_exists(#Round, :round), #CreatedAt = if_not_exists(#CreatedAt, :now),"
    " #Webhook = :name, #EventID = :event, #Type = :type, #JobID = :job,"
    " #Body = if_not_exists(#Body, :body), #ExpiresAt = if_not_exists(#ExpiresAt, :expires)"
)
_IS_FREE = "attribute_not_exists(#State) OR (#State = :waiting AND #DueAt <= :now AND #Round = :round)"


class DeliveryTable:
    """Deliveries to webhooks. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Webhooks`` table."""
        self._items = OwnedItems(client, table, "delivery#")

    def claim(self, message: DeliveryMessage, *, now: datetime, lease: timedelta) -> Delivery | None:
        """Claim a delivery for one try. Return None if it is not free; its record (:meth:`find`) shows why.

        A delivery is free if it has no record yet, or if it is WAITING, due and in the round of the message.
        """
        item = self._items.update(
            message.owner,
            _name(message.webhook, message.event_id),
            "SET #State = :waiting, #DueAt = :due, #TriedAt = :now, #Tries = if_not_exists(#Tries, :zero) + :one,"
            f" {_SET_FACTS} REMOVE #DeferredBy, #ResumeAt",
            _describe_facts(message, now) | {":due": to_iso(now + lease), ":one": 1},
            condition=_IS_FREE,
        )
        return None if item is None else _from_item(item)

    def defer(self, message: DeliveryMessage, *, until: datetime, now: datetime, reason: str) -> Delivery | None:
        """Defer a delivery without a try. Return None if the delivery is not free, as :meth:`claim` does."""
        item = self._items.update(
            message.owner,
            _name(message.webhook, message.event_id),
            "SET #State = :waiting, #DueAt = :until, #ResumeAt = :until, #DeferredBy = :receiver,"
            " #Tries = if_not_exists(#Tries, :zero), #Reason = if_not_exists(#Reason, :reason),"
            f" {_SET_FACTS}",
            _describe_facts(message, now) | {":until": to_iso(until), ":receiver": message.receiver, ":reason": reason},
            condition=_IS_FREE,
        )
        return None if item is None else _from_item(item)

    def finish(self, delivery: Delivery) -> bool:
        """Write the result of a try. Return False if another try or a replay has started since.

        If ``resume_at`` is set, the delivery is deferred.
        """
        is_deferred = delivery.resume_at is not None
        deferral: dict[str, Any] = {}
        if delivery.resume_at is not None:
            receiver = compute_receiver(delivery.owner, delivery.webhook)
            deferral = {":resume": to_iso(delivery.resume_at), ":receiver": receiver}
        item = self._items.update(
            delivery.owner,
            _name(delivery.webhook, delivery.event_id),
            "SET #State = :state, #DueAt = :due, #Answer = :answer, #Reason = :reason"
            + (", #ResumeAt = :resume, #DeferredBy = :receiver" if is_deferred else " REMOVE #ResumeAt, #DeferredBy"),
            deferral
            | {
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

    def list_due(self, owner: str, webhook: str, now: datetime, *, limit: int) -> Iterator[Delivery]:
        """Yield up to ``limit`` deferred deliveries of a receiver that are due, the longest overdue first."""
        values = {":receiver": compute_receiver(owner, webhook), ":now": to_iso(now)}
        condition = "#DeferredBy = :receiver AND #ResumeAt <= :now"
        for key in self._items.query_index(INDEX, condition, values, limit=limit):
            item = self._items.get(key["Owner"], self._items.name_of(key))
            # The index lags behind the table: the delivery may have been resumed, claimed or replayed since.
            if item is not None and "ResumeAt" in item and item["ResumeAt"] <= values[":now"]:
                yield _from_item(item)

    def resume(self, delivery: Delivery, *, again_at: datetime) -> bool:
        """Reserve the right to send a message about a deferred delivery. Return False if the delivery has changed.

        The delivery stays deferred until it is claimed. If the message is lost, another one is sent at ``again_at``.
        """
        item = self._items.update(
            delivery.owner,
            _name(delivery.webhook, delivery.event_id),
            "SET #ResumeAt = :again",
            {":again": to_iso(again_at), ":seen": to_iso(delivery.resume_at or again_at)},
            condition="#ResumeAt = :seen",
        )
        return item is not None

    def end(self, delivery: Delivery, state: DeliveryState, *, reason: str, now: datetime) -> bool:
        """End a deferred delivery without a try. Return False if the delivery has changed since it was read."""
        item = self._items.update(
            delivery.owner,
            _name(delivery.webhook, delivery.event_id),
            "SET #State = :state, #DueAt = :now, #Reason = :reason REMOVE #ResumeAt, #DeferredBy",
            {
                ":state": state.value,
                ":now": to_iso(now),
                ":reason": reason,
                ":seen": to_iso(delivery.resume_at or now),
            },
            condition="#ResumeAt = :seen",
        )
        return item is not None

    def find(self, owner: str, webhook: str, event_id: str) -> Delivery:
        """Return a delivery. Raises DeliveryNotFound if it has no record."""
        item = self._items.get(owner, _name(webhook, event_id))
        if item is None:
            raise DeliveryNotFound
        return _from_item(item)

    def replay(self, owner: str, webhook: str, event_id: str, *, now: datetime) -> Delivery:
        """Start a delivery again in a new round, whatever its state. Raises DeliveryNotFound if it has no record.

        Until it is claimed, the delivery is deferred, so the schedule sends a message if that of the caller is lost.
        """
        item = self._items.update(
            owner,
            _name(webhook, event_id),
            "SET #State = :waiting, #DueAt = :now, #Tries = :zero, #Round = #Round + :one, #ExpiresAt = :expires,"
            " #DeferredBy = :receiver, #ResumeAt = :again",
            {
                ":receiver": compute_receiver(owner, webhook),
                ":again": to_iso(now + RESUME_AGAIN_AFTER),
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
        resume_at=from_optional_iso(item.get("ResumeAt")),
    )


def _name(webhook: str, event_id: str) -> str:
    return f"{webhook}#{event_id}"


def _describe_facts(message: DeliveryMessage, now: datetime) -> dict[str, Any]:
    """Return the values that a claim and a deferral share."""
    return {
        ":waiting": DeliveryState.WAITING.value,
        ":now": to_iso(now),
        ":round": message.round,
        ":zero": 0,
        ":name": message.webhook,
        ":event": message.event_id,
        ":type": message.type,
        ":job": message.job_id,
        ":body": message.body,
        ":expires": _expiry(now),
    }


def _expiry(now: datetime) -> int:
    return int((now + RETENTION).timestamp())
