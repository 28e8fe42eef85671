"""Secrets of webhooks, in a table of their own: the API may write them and not read them, the deliverer the reverse."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import is_refused, names
from shared.aws.dynamodb.job_item import from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError, WebhookNotFound
from shared.webhooks.webhook import SigningSecrets, Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class WebhookSecrets:
    """One table. Every method raises ServiceError where DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on the ``WebhookSecrets`` table."""
        self._client = client
        self._table = table

    def first(self, webhook: Webhook, secret: str) -> "TransactWriteItemTypeDef":
        """Return the write of a new webhook's secret, for the transaction that makes the webhook."""
        item = {"Owner": webhook.owner, "Name": webhook.name, "Secret": secret}
        return {"Put": {"TableName": self._table, "Item": to_wire(item)}}

    def rotate(self, owner: str, name: str, secret: str, *, now: datetime, keep: timedelta) -> None:
        """Let a new secret sign; the one before signs too for ``keep``. It is not read here. Raises WebhookNotFound."""
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(owner, name),
                    UpdateExpression="SET #Previous = #Secret, #PreviousUntil = :until, #Secret = :secret",
                    ConditionExpression="attribute_exists(#Secret)",
                    ExpressionAttributeNames=names("Previous", "PreviousUntil", "Secret"),
                    ExpressionAttributeValues=to_wire({":secret": secret, ":until": to_iso(now + keep)}),
                )
        except ServiceError as error:
            if is_refused(error):
                raise WebhookNotFound from error
            raise

    def get(self, owner: str, name: str, now: datetime) -> SigningSecrets:
        """Read what signs at this moment. Raises WebhookNotFound."""
        with translate_aws_errors():
            answer = self._client.get_item(TableName=self._table, Key=_key(owner, name), ConsistentRead=True)
        if "Item" not in answer:
            raise WebhookNotFound
        item = from_wire(answer["Item"])
        counts = "Previous" in item and from_iso(item["PreviousUntil"]) > now
        return SigningSecrets(item["Secret"], item["Previous"] if counts else None)

    def delete(self, owner: str, name: str) -> None:
        """Forget a webhook's secrets."""
        with translate_aws_errors():
            self._client.delete_item(TableName=self._table, Key=_key(owner, name))


def _key(owner: str, name: str) -> dict[str, Any]:
    return {"Owner": {"S": owner}, "Name": {"S": name}}
