"""The sparse index ``Open``: which jobs should have moved by now."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from shared.aws.dynamodb.job_item import OPEN_SHARDS, from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import to_iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAGE = 100


class OpenJobs:
    """Reads what is overdue. The index may be a moment old: act on the record, by conditional writes alone."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on the index of ``table``."""
        self._client = client
        self._table = table

    def list_overdue(self, now: datetime) -> Iterator[str]:
        """Yield the IDs of jobs that were due before ``now``, the longest overdue of each shard first.

        Raises ServiceError.
        """
        for shard in range(OPEN_SHARDS):
            yield from self._shard(f"open#{shard}", to_iso(now))

    def _shard(self, shard: str, now: str) -> Iterator[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="Open",
            KeyConditionExpression="#OpenShard = :shard AND #DueAt < :now",
            ExpressionAttributeNames={"#OpenShard": "OpenShard", "#DueAt": "DueAt"},
            ExpressionAttributeValues=to_wire({":shard": shard, ":now": now}),
            PaginationConfig={"PageSize": PAGE},
        )
        iterator = iter(pages)
        while True:
            with translate_aws_errors():
                page = next(iterator, None)
            if page is None:
                return
            for item in page["Items"]:
                yield str(from_wire(item)["ID"])
