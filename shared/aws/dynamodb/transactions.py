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
#: Pause before the first retry of a conflicting transaction. It doubles with each retry.
FIRST_PAUSE_SECONDS = 0.01


def transact(client: "DynamoDBClient", writes: "Sequence[TransactWriteItemTypeDef]") -> None:
    """Write all items or none. Raises ServiceError if DynamoDB fails or a condition fails (``is_refused``).

    DynamoDB cancels a transaction if another transaction writes to one of its items at the same time. This function
    retries such a transaction with jitter. botocore retries a call whose response was lost. It sends a client request
    token, so its retry does not write twice.
    """
    for tries in range(MAX_TRIES):
        if tries:
            time.sleep(FIRST_PAUSE_SECONDS * (1 << tries) * random.uniform(0.5, 1))  # noqa: S311 - jitter
        try:
            with translate_aws_errors():
                client.transact_write_items(TransactItems=writes)
        except ServiceError as error:
            if tries == MAX_TRIES - 1 or not _is_conflict(error):
                raise
        else:
            return


def _is_conflict(error: ServiceError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ClientError) and any(
        reason.get("Code") == "TransactionConflict" for reason in cancellation_reasons(cause)
    )
