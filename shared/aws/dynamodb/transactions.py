"""Writes to several items, all or none."""

import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import cancellation_reasons, translate_aws_errors
from shared.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_TRIES = 6
#: Before a transaction that met another one on an item is tried again; it doubles.
FIRST_PAUSE_SECONDS = 0.01


def transact(client: "DynamoDBClient", writes: "Sequence[TransactWriteItemTypeDef]") -> None:
    """Write all or nothing. Raises ServiceError; :func:`refused` tells whether a condition was the reason.

    DynamoDB refuses a transaction that meets another one on an item; those are tried again here, with jitter.
    botocore gives each call a token of its own, by which DynamoDB knows the second try of a lost answer.
    """
    for tried in range(MAX_TRIES):
        if tried:
            time.sleep(FIRST_PAUSE_SECONDS * (1 << tried) * random.uniform(0.5, 1))  # noqa: S311 - jitter
        try:
            with translate_aws_errors():
                client.transact_write_items(TransactItems=writes)
        except ServiceError as error:
            if tried == MAX_TRIES - 1 or "TransactionConflict" not in _codes(error):
                raise
        else:
            return


def is_transaction_refused(error: ServiceError) -> bool:
    """Tell whether a condition of a transaction did not hold."""
    return "ConditionalCheckFailed" in _codes(error)


def _codes(error: ServiceError) -> set[str]:
    cause = error.__cause__
    return (
        {str(reason.get("Code")) for reason in cancellation_reasons(cause)} if isinstance(cause, ClientError) else set()
    )
