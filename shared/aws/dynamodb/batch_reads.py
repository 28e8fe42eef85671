"""Reads of many items by their keys, in one call."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.wire import Item, from_wire
from shared.aws.errors import translate_aws_errors
from shared.errors import ServiceThrottled

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_TRIES = 5
#: Pause before a retry for the items that DynamoDB has left unprocessed. The pause doubles with each retry.
FIRST_PAUSE_SECONDS = 0.02


def read_items(client: "DynamoDBClient", table: str, keys: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Return the items of at most 100 keys that exist, in any order, with a consistent read.

    Raises ServiceError if DynamoDB fails.
    """
    found: list[Item] = []
    missing: Any = list(keys)
    for tries in range(MAX_TRIES):
        if not missing:
            break
        if tries:
            time.sleep(FIRST_PAUSE_SECONDS * (1 << tries) * random.uniform(0.5, 1))  # noqa: S311 - jitter
        with translate_aws_errors():
            response = client.batch_get_item(RequestItems={table: {"Keys": missing, "ConsistentRead": True}})
        found += map(from_wire, response["Responses"].get(table, []))
        unprocessed = response.get("UnprocessedKeys", {}).get(table)
        missing = list(unprocessed["Keys"]) if unprocessed else []
    if missing:
        raise ServiceThrottled(retry_after_seconds=1)
    return found
