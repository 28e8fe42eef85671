"""Reading the sparse index ``Dead``: jobs that failed by something that may pass, by reason, the oldest first."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.aws.dynamodb.job_item import DEAD_SHARDS, dead_shard, from_wire, to_wire
from shared.aws.errors import translate_aws_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DeadLetterRef:
    """Where a dead letter stands in the order of all."""

    #: ``DeadReason``: unique, since it ends in the job's ID.
    order: str
    job_id: str


class DeadLetterIndex:
    """The index. It is eventually consistent and holds keys alone: what it names must be read again."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on ``table``."""
        self._client = client
        self._table = table

    def page(self, reason: str | None, after: str, limit: int) -> list[DeadLetterRef]:
        """Return the next ``limit`` places after one, of one reason or of all; fewer mean that there are no more.

        Raises ServiceError.
        """
        # "#" ends the reason in the order, and "~" sorts after whatever follows it.
        first, last = (f"{reason}#", f"{reason}#~") if reason else ("!", "~")
        merged = [
            place
            for shard in range(DEAD_SHARDS)
            for place in self._shard(dead_shard(shard), max(first, after), last, limit)
        ]
        return sorted((place for place in merged if place.order != after), key=lambda place: place.order)[:limit]

    def _shard(self, shard: str, first: str, last: str, limit: int) -> list[DeadLetterRef]:
        if first > last:
            return []
        with translate_aws_errors():
            answer = self._client.query(
                TableName=self._table,
                IndexName="Dead",
                KeyConditionExpression="#DeadShard = :shard AND #DeadReason BETWEEN :first AND :last",
                ExpressionAttributeNames={"#DeadShard": "DeadShard", "#DeadReason": "DeadReason"},
                ExpressionAttributeValues=to_wire({":shard": shard, ":first": first, ":last": last}),
                Limit=limit + 1,
            )
        items = [from_wire(item) for item in answer["Items"]]
        return [DeadLetterRef(item["DeadReason"], item["ID"]) for item in items]
