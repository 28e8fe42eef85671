"""Deliveries in the ``Webhooks`` table: the log of each webhook, and what keeps an event from being sent twice at once.

An event has one record for each webhook, made by whoever claims it first, so a duplicate finds it there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import is_refused, names
from shared.aws.dynamodb.job_item import from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import DeliveryNotFound, ServiceError
from shared.webhooks.delivery import RETENTION, Delivery, DeliveryMessage, DeliveryState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries, newest job first, and where the next page begins."""

    deliveries: tuple[Delivery, ...]
    next_after: str | None


class DeliveryTable:
    """All that one can do to deliveries. Every method raises ServiceError where DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on the ``Webhooks`` table."""
        self._client = client
        self._table = table

    def claim(self, message: DeliveryMessage, *, now: datetime, lease: timedelta) -> Delivery | None:
        """Take a delivery for one try; None when there is nothing to do, now or ever: see :meth:`find`.

        Free is what nobody has claimed yet, and what waits in the round of the message and is due.
        """
        values = {
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
            ":expires": int((now + RETENTION).timestamp()),
        }
        try:
            with translate_aws_errors():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(message.owner, message.webhook, message.event_id),
                    UpdateExpression=(
                        "SET #State = :waiting, #DueAt = :due, #TriedAt = :now,"
                        " #Tries = if_not_exists(#Tries, :zero) + :one,"
                        " #Round = if_not_exists(#Round, :round), #CreatedAt = if_not_exists(#CreatedAt, :now),"
                        " #Webhook = :name, #EventID = :event, #Type = :type, #JobID = :job,"
                        " #Body = if_not_exists(#Body, :body), #ExpiresAt = if_not_exists(#ExpiresAt, :expires)"
                    ),
                    ConditionExpression=(
                        "attribute_not_exists(#State) OR (#State = :waiting AND #DueAt <= :now AND #Round = :round)"
                    ),
                    ExpressionAttributeNames=names(
                        *("State", "DueAt", "TriedAt", "Tries", "Round", "CreatedAt", "Webhook", "EventID"),
                        *("Type", "JobID", "Body", "ExpiresAt"),
                    ),
                    ExpressionAttributeValues=to_wire(values),
                    ReturnValues="ALL_NEW",
                )
        except ServiceError as error:
            if is_refused(error):
                return None
            raise
        return from_item(from_wire(answer["Attributes"]))

    def finish(self, delivery: Delivery) -> bool:
        """Write how a try ended; False when another try, or a replay, has begun since."""
        item = {
            ":state": delivery.state.value,
            ":due": to_iso(delivery.due_at),
            ":answer": delivery.answer,
            ":reason": delivery.reason,
        }
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(delivery.owner, delivery.webhook, delivery.event_id),
                    UpdateExpression="SET #State = :state, #DueAt = :due, #Answer = :answer, #Reason = :reason",
                    ConditionExpression="#Tries = :tries AND #Round = :round",
                    ExpressionAttributeNames=names("State", "DueAt", "Answer", "Reason", "Tries", "Round"),
                    ExpressionAttributeValues=to_wire(
                        item | {":tries": delivery.tries, ":round": delivery.round},
                    ),
                )
        except ServiceError as error:
            if is_refused(error):
                return False
            raise
        return True

    def find(self, owner: str, webhook: str, event_id: str) -> Delivery:
        """Read a delivery. Raises DeliveryNotFound."""
        with translate_aws_errors():
            answer = self._client.get_item(
                TableName=self._table, Key=_key(owner, webhook, event_id), ConsistentRead=True
            )
        if "Item" not in answer:
            raise DeliveryNotFound
        return from_item(from_wire(answer["Item"]))

    def replay(self, owner: str, webhook: str, event_id: str, *, now: datetime) -> Delivery:
        """Begin a delivery anew, whatever became of it, in a round of its own. Raises DeliveryNotFound."""
        try:
            with translate_aws_errors():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(owner, webhook, event_id),
                    UpdateExpression=(
                        "SET #State = :waiting, #DueAt = :now, #Tries = :zero,"
                        " #Round = #Round + :one, #ExpiresAt = :expires"
                    ),
                    ConditionExpression="attribute_exists(#State)",
                    ExpressionAttributeNames=names("State", "DueAt", "Tries", "Round", "ExpiresAt"),
                    ExpressionAttributeValues=to_wire(
                        {
                            ":waiting": DeliveryState.WAITING.value,
                            ":now": to_iso(now),
                            ":zero": 0,
                            ":one": 1,
                            ":expires": int((now + RETENTION).timestamp()),
                        }
                    ),
                    ReturnValues="ALL_NEW",
                )
        except ServiceError as error:
            if is_refused(error):
                raise DeliveryNotFound from error
            raise
        return from_item(from_wire(answer["Attributes"]))

    def page(self, owner: str, webhook: str, *, limit: int, after: str | None = None) -> DeliveryPage:
        """List the deliveries of a webhook, newest job first; ``after`` is the last event of the page before."""
        request: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": _key(owner, webhook, after)}
        with translate_aws_errors():
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="#Owner = :owner AND begins_with(#Entry, :prefix)",
                ExpressionAttributeNames=names("Owner", "Entry"),
                ExpressionAttributeValues=to_wire({":owner": owner, ":prefix": _prefix(webhook)}),
                ScanIndexForward=False,
                Limit=limit,
                **request,
            )
        last = answer.get("LastEvaluatedKey")
        return DeliveryPage(
            deliveries=tuple(from_item(from_wire(item)) for item in answer["Items"]),
            next_after=from_wire(last)["Entry"].removeprefix(_prefix(webhook)) if last else None,
        )


def from_item(item: Mapping[str, Any]) -> Delivery:
    """Read a delivery back."""
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
        tried_at=from_iso(item["TriedAt"]) if "TriedAt" in item else None,
        answer=item.get("Answer"),
        reason=item.get("Reason"),
    )


def _prefix(webhook: str) -> str:
    return f"delivery#{webhook}#"


def _key(owner: str, webhook: str, event_id: str) -> dict[str, Any]:
    return {"Owner": {"S": owner}, "Entry": {"S": _prefix(webhook) + event_id}}
