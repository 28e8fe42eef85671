"""The facts of assets in the ``Library`` table: entries ``asset#{name}`` under their owner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.aws.dynamodb.job_item import from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import AssetNotFound
from shared.pipeline.asset import Asset

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "asset#"


@dataclass(frozen=True, slots=True)
class AssetPage:
    """Some assets by name, and where the next page begins."""

    assets: tuple[Asset, ...]
    next_after: str | None


class AssetTable:
    """What is known of callers' assets. Every method raises ServiceError where DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on the ``Library`` table."""
        self._client = client
        self._table = table

    def get(self, owner: str, name: str) -> Asset:
        """Read an asset's facts. Raises AssetNotFound."""
        with translate_aws_errors():
            answer = self._client.get_item(TableName=self._table, Key=_key(owner, name), ConsistentRead=True)
        if "Item" not in answer:
            raise AssetNotFound
        return _from_item(from_wire(answer["Item"]))

    def page(self, owner: str, *, limit: int, after: str | None = None) -> AssetPage:
        """List assets by name; ``after`` is the last name of the page before."""
        request: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": _key(owner, after)}
        with translate_aws_errors():
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="#Owner = :owner AND begins_with(#Entry, :prefix)",
                ExpressionAttributeNames={"#Owner": "Owner", "#Entry": "Entry"},
                ExpressionAttributeValues=to_wire({":owner": owner, ":prefix": PREFIX}),
                ConsistentRead=True,
                Limit=limit,
                **request,
            )
        last = answer.get("LastEvaluatedKey")
        return AssetPage(
            assets=tuple(_from_item(from_wire(item)) for item in answer["Items"]),
            next_after=from_wire(last)["Entry"].removeprefix(PREFIX) if last else None,
        )

    def put(self, owner: str, asset: Asset) -> bool:
        """Write an asset's facts, in the place of what was there; tell whether nothing was."""
        item = {"Owner": owner, "Entry": PREFIX + asset.name, **_to_item(asset)}
        with translate_aws_errors():
            answer = self._client.put_item(TableName=self._table, Item=to_wire(item), ReturnValues="ALL_OLD")
        return not answer.get("Attributes")

    def delete(self, owner: str, name: str) -> bool:
        """Forget an asset; tell whether there was one."""
        with translate_aws_errors():
            answer = self._client.delete_item(TableName=self._table, Key=_key(owner, name), ReturnValues="ALL_OLD")
        return bool(answer.get("Attributes"))


def _key(owner: str, name: str) -> dict[str, Any]:
    return {"Owner": {"S": owner}, "Entry": {"S": PREFIX + name}}


def _to_item(asset: Asset) -> dict[str, Any]:
    return {
        "Name": asset.name,
        "Digest": asset.digest,
        "Size": asset.size,
        "Format": asset.format,
        "Width": asset.width,
        "Height": asset.height,
        "UploadedAt": to_iso(asset.uploaded_at),
    }


def _from_item(item: Mapping[str, Any]) -> Asset:
    return Asset(
        name=item["Name"],
        digest=item["Digest"],
        size=item["Size"],
        format=item["Format"],
        width=item["Width"],
        height=item["Height"],
        uploaded_at=from_iso(item["UploadedAt"]),
    )
