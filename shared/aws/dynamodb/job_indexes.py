"""The sparse indexes ``Open`` and ``Dead`` of the ``Images`` table: overdue jobs and dead letters.

Both are eventually consistent and hold only keys, so read the records themselves before acting on them.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.aws.dynamodb.expressions import placeholders
from shared.aws.dynamodb.job_item import DEAD_SHARDS, OPEN_SHARDS, dead_shard
from shared.aws.dynamodb.wire import from_wire, query_items, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import to_iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Jobs per page of ``Open``.
PAGE_SIZE = 100


class OpenJobs:
    """The index ``Open``: unfinished jobs by due time."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the index of ``table``."""
        self._client = client
        self._table = table

    def list_overdue(self, now: datetime) -> Iterator[str]:
        """Yield the IDs of jobs that were due before ``now``: one per shard in turn, each shard sorted by due time.

        So a long shard does not delay the others. Raises ServiceError if DynamoDB fails.
        """
        shards = deque(self._list_shard(f"open#{shard}", to_iso(now)) for shard in range(OPEN_SHARDS))
        while shards:
            job_id = next(shards[0], None)
            if job_id is None:
                shards.popleft()
                continue
            yield job_id
            shards.rotate(-1)

    def _list_shard(self, shard: str, now: str) -> Iterator[str]:
        condition = "#OpenShard = :shard AND #DueAt < :now"
        pages = iter(
            self._client.get_paginator("query").paginate(
                TableName=self._table,
                IndexName="Open",
                KeyConditionExpression=condition,
                ExpressionAttributeNames=placeholders(condition),
                ExpressionAttributeValues=to_wire({":shard": shard, ":now": now}),
                PaginationConfig={"PageSize": PAGE_SIZE},
            )
        )
        while True:
            with translate_aws_errors():
                page = next(pages, None)
            if page is None:
                return
            for item in page["Items"]:
                yield str(from_wire(item)["ID"])


@dataclass(frozen=True, slots=True)
class DeadLetterRef:
    """A dead letter's sort key and job ID."""

    #: ``DeadReason``: unique, because it ends in the job's ID.
    sort_key: str
    job_id: str


class DeadLetterIndex:
    """The index ``Dead``: jobs that failed with a retryable error, by error code, oldest first."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the index of ``table``."""
        self._client = client
        self._table = table

    def page(self, reason: str | None, after: str, limit: int) -> list[DeadLetterRef]:
        """Return the next dead letters after a sort key, only those with the error code ``reason`` if it is not None.

        A list that is shorter than ``limit`` is the last one. Raises ServiceError if DynamoDB fails.
        """
        # In the sort key, "#" follows the code, and "~" sorts after everything that can follow "#".
        first, last = (f"{reason}#", f"{reason}#~") if reason else ("!", "~")
        merged = [
            letter
            for shard in range(DEAD_SHARDS)
            for letter in self._query_shard(dead_shard(shard), max(first, after), last, limit)
        ]
        return sorted((each for each in merged if each.sort_key != after), key=lambda each: each.sort_key)[:limit]

    def _query_shard(self, shard: str, first: str, last: str, limit: int) -> list[DeadLetterRef]:
        if first > last:
            return []
        condition = "#DeadShard = :shard AND #DeadReason BETWEEN :first AND :last"
        items = query_items(
            self._client,
            TableName=self._table,
            IndexName="Dead",
            KeyConditionExpression=condition,
            ExpressionAttributeNames=placeholders(condition),
            ExpressionAttributeValues=to_wire({":shard": shard, ":first": first, ":last": last}),
            limit=limit + 1,
        )
        return [DeadLetterRef(item["DeadReason"], item["ID"]) for item in items]
