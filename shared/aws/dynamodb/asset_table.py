"""Asset records in the ``Library`` table. The key of an asset is its owner and the entry ``asset#{name}``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.owned_items import OwnedItems, OwnedPage
from shared.clock import from_iso, to_iso
from shared.errors import AssetNotFound
from shared.pipeline.asset import Asset

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class AssetTable:
    """Records of callers' assets. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Library`` table."""
        self._items = OwnedItems(client, table, "asset#")

    def get(self, owner: str, name: str) -> Asset:
        """Return an asset's record. Raises AssetNotFound if the owner has no asset with this name."""
        item = self._items.get(owner, name)
        if item is None:
            raise AssetNotFound
        return _from_item(item)

    def page(self, owner: str, *, limit: int, after: str | None = None) -> OwnedPage[Asset]:
        """List assets by name; ``after`` is the last name of the previous page."""
        page = self._items.page(owner, limit=limit, after=after)
        return OwnedPage(tuple(map(_from_item, page.entries)), page.next_after)

    def put(self, owner: str, asset: Asset) -> bool:
        """Write or replace an asset's record. Return True if it is new."""
        return self._items.put(owner, asset.name, _to_item(asset))

    def delete(self, owner: str, name: str) -> bool:
        """Delete an asset's record. Return True if there was one."""
        return self._items.delete(owner, name)

    def delete_unchanged(self, owner: str, asset: Asset) -> None:
        """Delete an asset's record, unless it was written again after ``asset`` was read."""
        seen = {"Digest": asset.digest, "UploadedAt": to_iso(asset.uploaded_at)}
        self._items.delete_if(owner, asset.name, seen)


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
