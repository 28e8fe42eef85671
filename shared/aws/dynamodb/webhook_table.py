"""Callers' webhooks in the ``Webhooks`` table; their secrets are in another one.

Entries stand under their owner: ``webhook#{name}`` is a webhook, ``delivery#{name}#{event ID}`` one event for it
(``shared.aws.dynamodb.delivery_table``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from shared.aws.dynamodb.expressions import is_refused, names
from shared.aws.dynamodb.job_item import from_wire, to_wire
from shared.aws.dynamodb.transactions import is_transaction_refused, transact
from shared.aws.dynamodb.webhook_secrets import WebhookSecrets
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError, WebhookNotFound
from shared.webhooks.webhook import Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "webhook#"


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """Some webhooks by name, and where the next page begins."""

    webhooks: tuple[Webhook, ...]
    next_after: str | None


class WebhookTable:
    """All that one can do to webhooks. Every method raises ServiceError where DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on the ``Webhooks`` table."""
        self._client = client
        self._table = table

    def get(self, owner: str, name: str) -> Webhook:
        """Read a webhook. Raises WebhookNotFound."""
        with translate_aws_errors():
            answer = self._client.get_item(TableName=self._table, Key=_key(owner, name), ConsistentRead=True)
        if "Item" not in answer:
            raise WebhookNotFound
        return _from_item(from_wire(answer["Item"]))

    def page(self, owner: str, *, limit: int, after: str | None = None) -> WebhookPage:
        """List an owner's webhooks by name; ``after`` is the last name of the page before."""
        request: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": _key(owner, after)}
        with translate_aws_errors():
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="#Owner = :owner AND begins_with(#Entry, :prefix)",
                ExpressionAttributeNames=names("Owner", "Entry"),
                ExpressionAttributeValues=to_wire({":owner": owner, ":prefix": PREFIX}),
                Limit=limit,
                **request,
            )
        last = answer.get("LastEvaluatedKey")
        return WebhookPage(
            webhooks=tuple(_from_item(from_wire(item)) for item in answer["Items"]),
            next_after=from_wire(last)["Entry"].removeprefix(PREFIX) if last else None,
        )

    def create(self, webhook: Webhook, secret: str, secrets: WebhookSecrets) -> bool:
        """Write a new webhook and its secret, both or neither; False when there is one of that name."""
        put: Any = {
            "TableName": self._table,
            "Item": to_wire(_to_item(webhook)),
            "ConditionExpression": "attribute_not_exists(#Owner)",
            "ExpressionAttributeNames": names("Owner"),
        }
        try:
            transact(self._client, [{"Put": put}, secrets.first(webhook, secret)])
        except ServiceError as error:
            if is_transaction_refused(error):
                return False
            raise
        return True

    def change(self, owner: str, name: str, *, url: str, events: tuple[str, ...], now: datetime) -> Webhook:
        """Change a webhook, and use it again if it was disabled. Raises WebhookNotFound."""
        return self._update(
            owner,
            name,
            "SET #Url = :url, #Events = :events, #UpdatedAt = :now REMOVE #Disabled",
            ("Url", "Events", "UpdatedAt", "Disabled"),
            {":url": url, ":events": list(events), ":now": to_iso(now)},
        )

    def disable(self, owner: str, name: str, *, url: str, reason: str, now: datetime) -> bool:
        """Send nothing any more to a webhook, unless its address has changed meanwhile, or it is gone."""
        try:
            self._update(
                owner,
                name,
                "SET #Disabled = :reason, #UpdatedAt = :now",
                ("Disabled", "UpdatedAt", "Url"),
                {":reason": reason, ":now": to_iso(now), ":url": url},
                condition=" AND #Url = :url",
            )
        except WebhookNotFound:
            return False
        return True

    def delete(self, owner: str, name: str) -> None:
        """Take a webhook away. Raises WebhookNotFound."""
        with translate_aws_errors():
            answer = self._client.delete_item(TableName=self._table, Key=_key(owner, name), ReturnValues="ALL_OLD")
        if not answer.get("Attributes"):
            raise WebhookNotFound

    def _update(  # noqa: PLR0913 - an update has these parts
        self,
        owner: str,
        name: str,
        expression: str,
        attributes: tuple[str, ...],
        values: Mapping[str, Any],
        *,
        condition: str = "",
    ) -> Webhook:
        try:
            with translate_aws_errors():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(owner, name),
                    UpdateExpression=expression,
                    ConditionExpression="attribute_exists(#Owner)" + condition,
                    ExpressionAttributeNames=names("Owner", *attributes),
                    ExpressionAttributeValues=to_wire(values),
                    ReturnValues="ALL_NEW",
                )
        except ServiceError as error:
            if is_refused(error):
                raise WebhookNotFound from error
            raise
        return _from_item(from_wire(answer["Attributes"]))


def _key(owner: str, name: str) -> dict[str, Any]:
    return {"Owner": {"S": owner}, "Entry": {"S": PREFIX + name}}


def _to_item(webhook: Webhook) -> dict[str, Any]:
    return {
        "Owner": webhook.owner,
        "Entry": PREFIX + webhook.name,
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
