"""Walks in the ``Batches`` table: which operations on batches the server still has to continue.

All walks are in one partition, so a consistent query finds them. The transaction that starts an operation also writes
its walk, and the one that ends it deletes the walk, so none is lost. A walk without an operation does no harm: the
walker function deletes it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.batch_item import batch_key
from shared.aws.dynamodb.expressions import is_refused, placeholders
from shared.aws.dynamodb.wire import from_optional_iso, query_items, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError
from shared.jobs.walk import Walk, WalkKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

#: ``ID`` of all walks. It is no ULID, so no batch has it.
WALKS = "walks"


class WalkTable:
    """Reads walks, and takes turns at them. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Batches`` table."""
        self._client = client
        self._table = table

    def list_walks(self) -> Iterator[Walk]:
        """Yield all walks, with a consistent read."""
        items = query_items(
            self._client,
            TableName=self._table,
            KeyConditionExpression="#ID = :walks",
            ExpressionAttributeNames=placeholders("#ID"),
            ExpressionAttributeValues=to_wire({":walks": WALKS}),
            ConsistentRead=True,
        )
        for item in items:
            batch_id, _, kind = str(item["Part"]).partition("#")
            yield Walk(
                batch_id=batch_id,
                owner=item["WalkOwner"],
                kind=WalkKind(kind),
                due_at=from_iso(item["DueAt"]),
                lease_until=from_optional_iso(item.get("LeaseUntil")),
            )

    def lease(self, walk: Walk, *, now: datetime, until: datetime) -> Walk | None:
        """Take a walk for one turn, and return it. Return None if another walker has it, or if it is over."""
        condition = "attribute_exists(#ID) AND (attribute_not_exists(#LeaseUntil) OR #LeaseUntil < :now)"
        is_taken = self._update(
            walk, "SET #LeaseUntil = :until", {":until": to_iso(until), ":now": to_iso(now)}, condition=condition
        )
        return replace(walk, lease_until=until) if is_taken else None

    def postpone(self, walk: Walk, *, due_at: datetime) -> None:
        """End a turn: the next one is due at ``due_at``. Do nothing if the walk is no longer that of this turn."""
        assert walk.lease_until is not None  # noqa: S101 - the caller has leased it
        self._update(
            walk,
            "SET #DueAt = :due REMOVE #LeaseUntil",
            {":due": to_iso(due_at), ":mine": to_iso(walk.lease_until)},
            condition="#LeaseUntil = :mine",
        )

    def remove(self, walk: Walk) -> None:
        """Delete a walk whose operation is over. Do nothing if the walk is no longer that of this turn."""
        assert walk.lease_until is not None  # noqa: S101 - the caller has leased it
        condition = "#LeaseUntil = :mine"
        try:
            with translate_aws_errors():
                self._client.delete_item(
                    TableName=self._table,
                    Key=walk_key(walk.batch_id, walk.kind),
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(condition),
                    ExpressionAttributeValues=to_wire({":mine": to_iso(walk.lease_until)}),
                )
        except ServiceError as error:
            if not is_refused(error):
                raise

    def _update(self, walk: Walk, expression: str, values: Mapping[str, Any], *, condition: str) -> bool:
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=walk_key(walk.batch_id, walk.kind),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(expression, condition),
                    ExpressionAttributeValues=to_wire(values),
                )
        except ServiceError as error:
            if is_refused(error):
                return False
            raise
        return True


def walk_key(batch_id: str, kind: WalkKind) -> dict[str, Any]:
    """Return the primary key of a walk."""
    return batch_key(WALKS, f"{batch_id}#{kind}")


def put_walk(table: str, batch_id: str, owner: str, kind: WalkKind, *, due_at: datetime) -> "TransactWriteItemTypeDef":
    """Return the write that starts a walk. It belongs in the transaction that starts the operation."""
    # The attribute is not called Owner, because the index of each owner's batches must not contain it.
    facts = to_wire({"WalkOwner": owner, "DueAt": to_iso(due_at)})
    return {"Put": {"TableName": table, "Item": {**walk_key(batch_id, kind), **facts}}}


def delete_walk(table: str, batch_id: str, kind: WalkKind) -> "TransactWriteItemTypeDef":
    """Return the write that ends a walk, if there is one. It belongs in the transaction that ends the operation."""
    return {"Delete": {"TableName": table, "Key": walk_key(batch_id, kind)}}
