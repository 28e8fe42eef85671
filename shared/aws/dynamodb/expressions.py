"""Parts of conditional writes: name placeholders, and what a refused write reports."""

import re
from typing import Any, cast

from botocore.exceptions import ClientError

from shared.aws.dynamodb.wire import Item, from_wire
from shared.aws.errors import cancellation_reasons, error_code
from shared.errors import ServiceError


def placeholders(*expressions: str) -> dict[str, str]:
    """Return ``ExpressionAttributeNames`` for every ``#Name`` in the expressions.

    Expressions use a placeholder for every name, because Status, Timestamp, Size, Format and others are reserved words.
    """
    return {f"#{name}": name for expression in expressions for name in re.findall(r"#(\w+)", expression)}


def is_refused(error: ServiceError) -> bool:
    """Return True if the condition of a single write failed, or the condition of any write in a transaction."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return False
    codes = {error_code(cause).removesuffix("Exception"), *(each.get("Code") for each in cancellation_reasons(cause))}
    return "ConditionalCheckFailed" in codes


def list_refused(error: ServiceError) -> list[int]:
    """Return the numbers of the writes of a transaction whose condition failed."""
    cause = error.__cause__
    reasons = cancellation_reasons(cause) if isinstance(cause, ClientError) else []
    return [number for number, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]


def get_refused_item(error: ServiceError) -> Item | None:
    """Return the stored item that failed the condition, or None if there is none.

    For a transaction, return the item of the first write. The write must set ``ReturnValuesOnConditionCheckFailure``.
    """
    cause = error.__cause__
    if not isinstance(cause, ClientError) or not is_refused(error):
        return None
    first = next(iter(cancellation_reasons(cause)), cast("dict[str, Any]", cause.response))
    item = cast("dict[str, Any] | None", first.get("Item"))
    return from_wire(item) if item else None
