"""Conditional writes: stand-ins for names, and what a refused write tells of the item that was in the way."""

from typing import Any, cast

from botocore.exceptions import ClientError

from shared.aws.dynamodb.job_item import from_wire
from shared.aws.errors import cancellation_reasons, error_code
from shared.errors import ServiceError


def names(*attributes: str) -> dict[str, str]:
    """Stand-ins for all names: Status, Timestamp, Size, Format and more are reserved words."""
    return {f"#{name}": name for name in attributes}


def is_refused(error: ServiceError) -> bool:
    """Tell whether the condition was the reason; of a transaction, that of its first write."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return False
    first = next(iter(cancellation_reasons(cause)), {})
    return "ConditionalCheckFailedException" in {error_code(cause), f"{first.get('Code')}Exception"}


def refused_item(error: ServiceError) -> dict[str, Any] | None:
    """Return the item that did not meet the condition, None where there is none; the write must ask for it."""
    cause = error.__cause__
    if not isinstance(cause, ClientError) or not is_refused(error):
        return None
    first = next(iter(cancellation_reasons(cause)), cast("dict[str, Any]", cause.response))
    item = cast("dict[str, Any] | None", first.get("Item"))
    return from_wire(item) if item else None
