"""Items of one kind in a table with the keys ``Owner`` and ``Entry``, such as ``Library`` and ``Webhooks``.

The sort key ``Entry`` is a prefix for the kind plus a name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shared.aws.dynamodb.expressions import is_refused, placeholders
from shared.aws.dynamodb.wire import Item, from_wire, query_items, to_wire
from shared.aws.errors import translate_aws_errors
from shared.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OwnedPage(Generic[T]):
    """One page of an owner's entries, and the name after which the next page starts; None on the last page."""

    entries: tuple[T, ...]
    next_after: str | None


class OwnedItems:
    """Reads and writes the items of one kind. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str, prefix: str) -> None:
        """Use ``table``. Every entry of this kind starts with ``prefix``."""
        self._client = client
        self._prefix = prefix
        self.table = table

    def key(self, owner: str, name: str) -> Item:
        """Return the primary key of an entry."""
        return {"Owner": owner, "Entry": self._prefix + name}

    def name_of(self, item: Item) -> str:
        """Return the name of an entry."""
        return str(item["Entry"]).removeprefix(self._prefix)

    def get(self, owner: str, name: str) -> Item | None:
        """Return an item with a consistent read, or None if there is none."""
        with translate_aws_errors():
            response = self._client.get_item(
                TableName=self.table, Key=to_wire(self.key(owner, name)), ConsistentRead=True
            )
        return from_wire(response["Item"]) if "Item" in response else None

    def page(
        self, owner: str, *, limit: int, after: str | None, folder: str = "", newest_first: bool = False
    ) -> OwnedPage[Item]:
        """Return a page of an owner's items by name. List only names that start with ``folder``."""
        start: Any = {} if after is None else {"ExclusiveStartKey": to_wire(self.key(owner, folder + after))}
        condition = "#Owner = :owner AND begins_with(#Entry, :prefix)"
        prefix = self._prefix + folder
        with translate_aws_errors():
            response = self._client.query(
                TableName=self.table,
                KeyConditionExpression=condition,
                ExpressionAttributeNames=placeholders(condition),
                ExpressionAttributeValues=to_wire({":owner": owner, ":prefix": prefix}),
                ConsistentRead=True,
                ScanIndexForward=not newest_first,
                Limit=limit,
                **start,
            )
        last = response.get("LastEvaluatedKey")
        return OwnedPage(
            entries=tuple(from_wire(item) for item in response["Items"]),
            next_after=from_wire(last)["Entry"].removeprefix(prefix) if last else None,
        )

    def query_index(self, index: str, condition: str, values: Mapping[str, Any], *, limit: int) -> Iterator[Item]:
        """Return up to ``limit`` items of an index, in the order of its sort key. The index lags behind the table."""
        return query_items(
            self._client,
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=placeholders(condition),
            ExpressionAttributeValues=to_wire(values),
            limit=limit,
        )

    def put(self, owner: str, name: str, item: Mapping[str, Any]) -> bool:
        """Write or replace an item. Return True if it is new."""
        with translate_aws_errors():
            response = self._client.put_item(
                TableName=self.table, Item=to_wire({**self.key(owner, name), **item}), ReturnValues="ALL_OLD"
            )
        return not response.get("Attributes")

    def update(
        self, owner: str, name: str, expression: str, values: Mapping[str, Any], *, condition: str
    ) -> Item | None:
        """Update an item and return its new value, or None if the condition failed."""
        # DynamoDB refuses an empty map.
        given: Any = {"ExpressionAttributeValues": to_wire(values)} if values else {}
        try:
            with translate_aws_errors():
                response = self._client.update_item(
                    TableName=self.table,
                    Key=to_wire(self.key(owner, name)),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(expression, condition),
                    **given,
                    ReturnValues="ALL_NEW",
                )
        except ServiceError as error:
            if is_refused(error):
                return None
            raise
        return from_wire(response["Attributes"])

    def delete_if(self, owner: str, name: str, seen: Mapping[str, Any]) -> bool:
        """Delete an item if it has these values. Return True if it was deleted now."""
        condition = " AND ".join(f"#{attribute} = :{attribute}" for attribute in seen)
        try:
            with translate_aws_errors():
                self._client.delete_item(
                    TableName=self.table,
                    Key=to_wire(self.key(owner, name)),
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(condition),
                    ExpressionAttributeValues=to_wire({f":{attribute}": value for attribute, value in seen.items()}),
                )
        except ServiceError as error:
            if is_refused(error):
                return False
            raise
        return True

    def delete(self, owner: str, name: str) -> bool:
        """Delete an item. Return True if there was one."""
        with translate_aws_errors():
            response = self._client.delete_item(
                TableName=self.table, Key=to_wire(self.key(owner, name)), ReturnValues="ALL_OLD"
            )
        return bool(response.get("Attributes"))
