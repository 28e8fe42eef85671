"""Conversion between Python values and DynamoDB's wire format, and queries over all pages."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Unpack

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, QueryInputTypeDef

Item = dict[str, Any]
WireItem = dict[str, "AttributeValueTypeDef"]

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def to_wire(item: Mapping[str, Any]) -> WireItem:
    """Convert Python values to DynamoDB's types."""
    return {name: _serialize(value) for name, value in item.items()}


def from_wire(item: Mapping[str, Any]) -> Item:
    """Convert DynamoDB's types to Python values. Numbers become ``int``: every stored number is whole."""
    return {name: _deserialize(value) for name, value in item.items()}


def _serialize(value: Any) -> Any:  # noqa: ANN401 - any value that DynamoDB can hold
    """Convert a value like boto3, which tries up to ten types for each value and takes five times as long."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if kind is int:
        return {"N": str(value)}
    if kind is dict:
        return {"M": {name: _serialize(each) for name, each in value.items()}}
    if kind is list:
        return {"L": [_serialize(each) for each in value]}
    return _serializer.serialize(value)


def _deserialize(value: Any) -> Any:  # noqa: ANN401 - any value that DynamoDB can hold
    """Convert a value like boto3, with ``int`` for numbers."""
    ((kind, content),) = value.items()
    if kind in {"S", "BOOL"}:
        return content
    if kind == "N":
        return int(Decimal(content))
    if kind == "M":
        return {name: _deserialize(each) for name, each in content.items()}
    if kind == "L":
        return [_deserialize(each) for each in content]
    return _deserializer.deserialize(value)


def drop_none(item: Mapping[str, Any]) -> Item:
    """Return the item without attributes that have no value."""
    return {name: value for name, value in item.items() if value is not None}


def to_optional_iso(moment: datetime | None) -> str | None:
    """Format a timestamp that may be missing."""
    return None if moment is None else to_iso(moment)


def from_optional_iso(text: str | None) -> datetime | None:
    """Parse a timestamp that may be missing."""
    return None if text is None else from_iso(text)


def query_items(
    client: "DynamoDBClient", *, limit: int | None = None, **request: "Unpack[QueryInputTypeDef]"
) -> Iterator[Item]:
    """Yield the items of a query, at most ``limit``, from all pages. Pages are requested when they are needed.

    A page can be short, or even empty, although more items follow.

    If fewer than ``limit`` items are yielded, there are no more. ``request`` has the other parameters of ``Query``.
    Raises ServiceError if DynamoDB fails.
    """
    left = limit
    while left is None or left > 0:
        if left is not None:
            request["Limit"] = left
        with translate_aws_errors():
            response = client.query(**request)
        yield from map(from_wire, response["Items"])
        if "LastEvaluatedKey" not in response:
            return
        left = None if left is None else left - len(response["Items"])
        request["ExclusiveStartKey"] = response["LastEvaluatedKey"]
