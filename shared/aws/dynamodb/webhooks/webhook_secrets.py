"""Signing secrets of webhooks, in their own table: the API can only write them, the webhook Lambda only read them."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import is_refused, placeholders
from shared.aws.dynamodb.wire import from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError, WebhookNotFound
from shared.webhooks.webhook import SigningSecrets, Webhook

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class WebhookSecrets:
    """Signing secrets. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``WebhookSecrets`` table."""
        self._client = client
        self._table = table

    def put_first(self, webhook: Webhook, secret: str) -> "TransactWriteItemTypeDef":
        """Return the write of a new webhook's secret, for the transaction that creates the webhook."""
        item = {"Owner": webhook.owner, "Name": webhook.name, "Secret": secret}
        return {"Put": {"TableName": self._table, "Item": to_wire(item)}}

    def rotate(self, owner: str, name: str, secret: str, *, now: datetime, overlap: timedelta) -> None:
        """Set a new secret. The previous secret also signs until ``overlap`` has passed.

        Raises WebhookNotFound if the webhook has no secret.
        """
        expression = "SET #Previous = #Secret, #PreviousUntil = :until, #Secret = :secret"
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(owner, name),
                    UpdateExpression=expression,
                    ConditionExpression="attribute_exists(#Secret)",
                    ExpressionAttributeNames=placeholders(expression),
                    ExpressionAttributeValues=to_wire({":secret": secret, ":until": to_iso(now + overlap)}),
                )
        except ServiceError as error:
            if is_refused(error):
                raise WebhookNotFound from error
            raise

    def get(self, owner: str, name: str, now: datetime) -> SigningSecrets:
        """Return the secrets that sign at ``now``. Raises WebhookNotFound if the webhook has no secret."""
        with translate_aws_errors():
            response = self._client.get_item(TableName=self._table, Key=_key(owner, name), ConsistentRead=True)
        if "Item" not in response:
            raise WebhookNotFound
        item = from_wire(response["Item"])
        overlaps = "Previous" in item and from_iso(item["PreviousUntil"]) > now
        return SigningSecrets(item["Secret"], item["Previous"] if overlaps else None)

    def delete(self, owner: str, name: str) -> "TransactWriteItemTypeDef":
        """Return the deletion of a webhook's secrets, for the transaction that deletes the webhook."""
        return {"Delete": {"TableName": self._table, "Key": _key(owner, name)}}


def _key(owner: str, name: str) -> dict[str, Any]:
    return {"Owner": {"S": owner}, "Name": {"S": name}}
