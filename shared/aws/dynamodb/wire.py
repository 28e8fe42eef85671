"""Conversion between Python values and DynamoDB's wire format."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from shared.clock import from_iso, to_iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item = dict[str, Any]
WireItem = dict[str, "AttributeValueTypeDef"]

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def to_wire(item: Mapping[str, Any]) -> WireItem:
    """Convert Python values to DynamoDB's types."""
    return {name: _serializer.serialize(value) for name, value in item.items()}


def from_wire(item: Mapping[str, Any]) -> Item:
    """Convert DynamoDB's types to Python values. Numbers become ``int``: every stored number is whole."""
    return {name: _decimals_to_int(_deserializer.deserialize(value)) for name, value in item.items()}


def drop_none(item: Mapping[str, Any]) -> Item:
    """Return the item without attributes that have no value."""
    return {name: value for name, value in item.items() if value is not None}


def to_optional_iso(moment: datetime | None) -> str | None:
    """Format a timestamp that may be missing."""
    return None if moment is None else to_iso(moment)


def from_optional_iso(text: str | None) -> datetime | None:
    """Parse a timestamp that may be missing."""
    return None if text is None else from_iso(text)


def _decimals_to_int(value: Any) -> Any:  # noqa: ANN401 - any value that DynamoDB can hold
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, list):
        return [_decimals_to_int(each) for each in value]
    if isinstance(value, dict):
        return {name: _decimals_to_int(each) for name, each in value.items()}
    return value
