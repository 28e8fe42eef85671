"""Watches in the ``Batches`` table. Each transaction changes a watch and its walk together."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import is_refused, placeholders
from shared.aws.dynamodb.job_item import failure_to_map
from shared.aws.dynamodb.transactions import transact
from shared.aws.dynamodb.walks.walk_table import delete_walk, put_walk, walk_key
from shared.aws.dynamodb.watches.watch_item import (
    DIRECTORY,
    WATCH_PART,
    Entry,
    catch_up_to_map,
    entry_from_item,
    entry_key,
    from_watch_item,
    to_watch_item,
    watch_id_key,
    watch_key,
)
from shared.aws.dynamodb.wire import query_items, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import to_iso
from shared.errors import ServiceError, ServiceThrottled, TooManyWatches, WatchNotFound, WatchOverlap
from shared.jobs.job import JobFailure
from shared.jobs.walk import WalkKind
from shared.jobs.watch import MAX_OWN_WATCHES, MAX_WATCHES, CatchUp, Watch, overlap

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_TRIES = 5
_IS_ACTIVE = "attribute_exists(#ID) AND attribute_not_exists(#PausedAt)"


class WatchTable:
    """Watches as a whole. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Batches`` table."""
        self._client = client
        self._table = table

    def create(self, watch: Watch) -> Watch:
        """Store a new watch and its walk, and return it. A repeated request returns what its first try has stored.

        The transaction also changes the revision of the bucket's watches, so of two concurrent requests for overlapping
        prefixes, only one succeeds. Raises WatchOverlap if another watch of the owner has an overlapping prefix, or
        TooManyWatches.
        """
        for _ in range(MAX_TRIES):
            revision, entries = self._list_bucket(watch.bucket)
            if any(entry.id == watch.id for entry in entries):
                return self.get(watch.id, watch.owner)
            own = [entry for entry in entries if entry.owner == watch.owner]
            for entry in own:
                if overlap(entry.prefix, watch.prefix):
                    raise WatchOverlap(f"The watch {entry.id} has the prefix {entry.prefix!r}.")
            if len(own) >= MAX_OWN_WATCHES or len(entries) >= MAX_WATCHES:
                raise TooManyWatches
            try:
                transact(self._client, self._build_creation(watch, revision))
            except ServiceError as error:
                if not is_refused(error):
                    raise
            else:
                return watch
        raise ServiceThrottled(retry_after_seconds=1)

    def _build_creation(self, watch: Watch, revision: str | None) -> "Sequence[TransactWriteItemTypeDef]":
        entry = {"WatchOwner": watch.owner, "Prefix": watch.prefix}
        condition = "attribute_not_exists(#Revision)" if revision is None else "#Revision = :old"
        expression = "SET #Revision = :new"
        values = {":new": watch.id} | ({} if revision is None else {":old": revision})
        return [
            {
                "Update": {
                    "TableName": self._table,
                    "Key": entry_key(watch.bucket),
                    "UpdateExpression": expression,
                    "ConditionExpression": condition,
                    "ExpressionAttributeNames": placeholders(expression, condition),
                    "ExpressionAttributeValues": to_wire(values),
                }
            },
            {"Put": {"TableName": self._table, "Item": to_wire(to_watch_item(watch))}},
            {"Put": {"TableName": self._table, "Item": {**entry_key(watch.bucket, watch.id), **to_wire(entry)}}},
            put_walk(self._table, watch.id, watch.owner, WalkKind.WATCH, due_at=watch.created_at),
        ]

    def list_entries(self, bucket: str | None = None) -> list[Entry]:
        """Return the directory's entries of a bucket, or of all buckets."""
        return self._list_bucket(bucket)[1]

    def _list_bucket(self, bucket: str | None) -> tuple[str | None, list[Entry]]:
        """Return the revision of a bucket's watches, if it has one, and their entries."""
        condition = "#ID = :directory" + ("" if bucket is None else " AND begins_with(#Part, :bucket)")
        items = query_items(
            self._client,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=placeholders(condition),
            ExpressionAttributeValues=to_wire(
                {":directory": DIRECTORY} | ({} if bucket is None else {":bucket": f"{bucket}/"})
            ),
            ConsistentRead=True,
        )
        revision, entries = None, []
        for item in items:
            if "Revision" in item:
                revision = str(item["Revision"])
            else:
                entries.append(entry_from_item(item))
        return revision, entries

    def find(self, watch_id: str) -> Watch | None:
        """Return a watch, or None if it does not exist."""
        items = query_items(
            self._client,
            TableName=self._table,
            KeyConditionExpression="#ID = :id AND #Part = :part",
            ExpressionAttributeNames=placeholders("#ID #Part"),
            ExpressionAttributeValues=to_wire({":id": watch_id_key(watch_id), ":part": WATCH_PART}),
            ConsistentRead=True,
        )
        return next(map(from_watch_item, items), None)

    def get(self, watch_id: str, owner: str) -> Watch:
        """Return a watch of an owner. Raises WatchNotFound if the owner has no such watch."""
        watch = self.find(watch_id)
        if watch is None or watch.owner != owner:
            raise WatchNotFound
        return watch

    def pause(self, watch: Watch, *, at: datetime) -> None:
        """Let a watch create no more jobs, from now on. Idempotent. Raises WatchNotFound if it does not exist."""
        walks = [delete_walk(self._table, watch.id, WalkKind.WATCH)]
        if not self._write(watch.id, "SET #PausedAt = if_not_exists(#PausedAt, :at)", {":at": to_iso(at)}, walks):
            raise WatchNotFound

    def resume(self, watch: Watch, *, at: datetime) -> None:
        """Let a watch create jobs, and catch up with all objects. Raises WatchNotFound if it does not exist."""
        walks = [put_walk(self._table, watch.id, watch.owner, WalkKind.WATCH, due_at=at)]
        if not self._write(watch.id, "REMOVE #PausedAt, #CatchUp, #FullyCaughtUpAt, #WalkError", {}, walks):
            raise WatchNotFound

    def delete(self, watch: Watch, *, at: datetime) -> None:
        """Delete a watch. A walk deletes its marks. Idempotent."""
        transact(
            self._client,
            [
                {"Delete": {"TableName": self._table, "Key": watch_key(watch.id)}},
                {"Delete": {"TableName": self._table, "Key": entry_key(watch.bucket, watch.id)}},
                delete_walk(self._table, watch.id, WalkKind.WATCH),
                put_walk(self._table, watch.id, watch.owner, WalkKind.FORGET, due_at=at),
            ],
        )

    def save_catch_up(self, watch: Watch, catch_up: CatchUp) -> bool:
        """Store the position of a catch-up. Return False if the watch is paused, deleted, or has another catch-up."""
        condition, values = _compare_catch_up(watch)
        values[":catch_up"] = catch_up_to_map(catch_up)
        expression = "SET #CatchUp = :catch_up REMOVE #WalkError"
        return self._write(watch.id, expression, values, condition=condition)

    def end_catch_up(self, watch: Watch, catch_up: CatchUp) -> bool:
        """Store that a catch-up is over. Return False as :meth:`save_catch_up` does."""
        condition, values = _compare_catch_up(watch)
        values[":started"] = to_iso(catch_up.started_at)
        full = ", #FullyCaughtUpAt = :started" if catch_up.is_full else ""
        expression = f"SET #CaughtUpAt = :started{full} REMOVE #CatchUp, #WalkError"
        return self._write(watch.id, expression, values, condition=condition)

    def fail_catch_up(self, watch: Watch, failure: JobFailure) -> None:
        """Store why a catch-up can't continue. It is tried again later, from its position."""
        self._write(watch.id, "SET #WalkError = :error", {":error": failure_to_map(failure)}, condition=_IS_ACTIVE)

    def request_catch_up(self, watch: Watch, *, due_at: datetime) -> None:
        """Let the next catch-up start at ``due_at``, if it would start later."""
        condition = "attribute_exists(#ID) AND #DueAt > :due"
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=walk_key(watch.id, WalkKind.WATCH),
                    UpdateExpression="SET #DueAt = :due",
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(condition),
                    ExpressionAttributeValues=to_wire({":due": to_iso(due_at)}),
                )
        except ServiceError as error:
            if not is_refused(error):
                raise

    def _write(
        self,
        watch_id: str,
        expression: str,
        values: Mapping[str, Any],
        walks: "Sequence[TransactWriteItemTypeDef]" = (),
        *,
        condition: str = "attribute_exists(#ID)",
    ) -> bool:
        """Update a watch and its walk, all or nothing. Return False if the condition is not true."""
        # DynamoDB refuses an empty map.
        given: Any = {"ExpressionAttributeValues": to_wire(values)} if values else {}
        update: Any = {
            "TableName": self._table,
            "Key": watch_key(watch_id),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": placeholders(expression, condition),
            **given,
        }
        try:
            transact(self._client, [{"Update": update}, *walks])
        except ServiceError as error:
            if is_refused(error):
                return False
            raise
        return True


def _compare_catch_up(watch: Watch) -> tuple[str, dict[str, Any]]:
    """Return the condition that the catch-up of a watch is the one that was read, and its values."""
    if watch.catch_up is None:
        return f"{_IS_ACTIVE} AND attribute_not_exists(#CatchUp)", {}
    return f"{_IS_ACTIVE} AND #CatchUp = :before", {":before": catch_up_to_map(watch.catch_up)}
