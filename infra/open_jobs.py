"""Let workers look at all open jobs of a local stack at once, after its code has changed.

After an exception, SQS hides a message for `QueueVisibilityTimeout` (390 s), and a lease lasts `WorkerTimeout` (60 s).
A developer who has fixed the code would wait for both.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.sessions import local_session, translate_aws_errors
from infra.stack import Stack
from shared.clock import to_iso
from shared.jobs.message import JobMessage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def notify_workers(stack: Stack) -> int:
    """End the leases of running attempts, send a message for each open job, and return the number of messages.

    The attempts ended with the code that was replaced. If one still runs, its fencing token is stale, so its result is
    discarded. Raises SetupError if a call fails.
    """
    session: Any = local_session(stack.endpoint_url)
    table: DynamoDBClient = session.client("dynamodb")
    queue = session.client("sqs")
    count = 0
    with translate_aws_errors():
        for item in _scan_open_jobs(table, stack.table):
            if item["Status"]["S"] == "PROCESSING":
                end_lease(table, stack.table, item)
            message = JobMessage(job_id=item["ID"]["S"], generation=int(item["Generation"]["N"]))
            queue.send_message(QueueUrl=stack.queue_url, MessageBody=message.encode())
            count += 1
    return count


def _scan_open_jobs(table: "DynamoDBClient", name: str) -> Iterator[Any]:
    """Yield the jobs that a worker could process. A local table is small enough for a scan."""
    pages = table.get_paginator("scan").paginate(
        TableName=name,
        FilterExpression="#Status IN (:pending, :processing)",
        ExpressionAttributeNames={"#Status": "Status"},
        ExpressionAttributeValues={":pending": {"S": "PENDING"}, ":processing": {"S": "PROCESSING"}},
    )
    for page in pages:
        yield from page["Items"]


def end_lease(table: "DynamoDBClient", name: str, item: Any) -> None:  # noqa: ANN401 - DynamoDB's wire format
    """End the lease of an attempt, unless the job has changed since."""
    try:
        table.update_item(
            TableName=name,
            Key={"ID": item["ID"]},
            UpdateExpression="SET #LeaseUntil = :past",
            ConditionExpression="#Status = :processing AND #Attempt = :attempt",
            ExpressionAttributeNames={"#LeaseUntil": "LeaseUntil", "#Status": "Status", "#Attempt": "Attempt"},
            ExpressionAttributeValues={
                ":past": {"S": to_iso(datetime(2000, 1, 1, tzinfo=UTC))},
                ":processing": {"S": "PROCESSING"},
                ":attempt": item["Attempt"],
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
