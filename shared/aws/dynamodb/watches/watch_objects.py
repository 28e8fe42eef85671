"""Marks of the objects that a watch has handled, and its open batches, in the ``Batches`` table.

One transaction writes the marks of some objects, creates their jobs and counts them for the watch, for the batch and
for the owner. So whatever is repeated, killed or lost, a version of an object has at most one job of a watch.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.batch_item import batch_key
from shared.aws.dynamodb.batch_reads import read_items
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.expressions import is_refused, list_refused, placeholders
from shared.aws.dynamodb.transactions import transact
from shared.aws.dynamodb.watches.watch_item import BATCH, SKIPPED, mark_key, marks_id_key, watch_id_key, watch_key
from shared.aws.dynamodb.wire import query_items, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import BatchClosed, ServiceError, WatchPaused
from shared.jobs.job import Job
from shared.jobs.prefix_import import MAX_EXAMPLES, SkippedObject
from shared.jobs.watch import Watch
from shared.parallel import map_parallel

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

#: Objects of one transaction. Each needs two items, and DynamoDB allows 100 in all.
CHUNK = 40
#: Items that are deleted in one step.
DELETED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBatch:
    """The batch to which the jobs of a scope, a day or a folder, are added."""

    scope: str
    batch_id: str
    started_at: datetime


class WatchObjects:
    """What watches have handled. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str, batches: BatchTable) -> None:
        """Use the ``Batches`` table."""
        self._client = client
        self._table = table
        self._batches = batches

    def find_seen(self, watch: Watch, marks: Sequence[str]) -> set[str]:
        """Return which of at most 100 marks exist."""
        keys = [mark_key(watch.id, mark) for mark in marks]
        return {str(item["Part"]) for item in read_items(self._client, self._table, keys)}

    def accept(
        self,
        watch: Watch,
        batch_id: str,
        jobs: Mapping[str, Job],
        skipped: Mapping[str, SkippedObject],
        *,
        expires_at: datetime,
    ) -> bool:
        """Create the jobs of some objects, by their marks, and count those that can't become a job.

        Return False, and write nothing, if an object was handled meanwhile, or if the counts of the owner have changed.
        Raises WatchPaused if the watch is paused or deleted, BatchClosed if the batch is closed or does not exist, and
        TooManyOpenJobs or DailyBytesExceeded if the jobs exceed a limit of the owner.
        """
        members = self._batches.build_members(batch_id, list(jobs.values()), expires_at=expires_at) if jobs else []
        marks = [self._put(mark_key(watch.id, mark), {}) for mark in (*jobs, *skipped)]
        examples = [
            self._put(
                watch_key(watch.id, SKIPPED + mark),
                {"Key": each.key, "Code": each.code, "ExpiresAt": int(expires_at.timestamp())},
            )
            for mark, each in skipped.items()
        ]
        writes = [self._count(watch, len(jobs), len(skipped)), *marks, *examples, *members]
        try:
            transact(self._client, writes)
        except ServiceError as error:
            if not is_refused(error):
                raise
            refused = list_refused(error)
            if 0 in refused:
                raise WatchPaused from error
            # The write of the batch follows those of its members.
            if jobs and 1 + len(marks) + len(examples) + len(jobs) in refused:
                raise BatchClosed from error
            return False
        return True

    def list_skipped(self, watch: Watch) -> list[SkippedObject]:
        """Return some of the objects that can't become a job."""
        items = self._query(watch_id_key(watch.id), SKIPPED, limit=MAX_EXAMPLES)
        return [SkippedObject(key=item["Key"], code=item["Code"]) for item in items]

    def list_batches(self, watch_id: str, *, limit: int | None = None) -> list[OpenBatch]:
        """Return the open batches of a watch, which may be deleted, up to ``limit`` in the order of their items."""
        return [_open_batch(item) for item in self._query(watch_id_key(watch_id), BATCH, limit=limit)]

    def find_batch(self, watch: Watch, scope: str) -> OpenBatch | None:
        """Return the open batch of a scope, or None if there is none."""
        items = read_items(self._client, self._table, [watch_key(watch.id, _batch_part(scope))])
        return next(map(_open_batch, items), None)

    def replace_batch(self, watch: Watch, old: OpenBatch | None, new: OpenBatch) -> bool:
        """Make ``new`` the open batch of its scope in place of ``old``. Return False if another one has replaced it."""
        condition = "attribute_not_exists(#BatchID)" if old is None else "#BatchID = :old"
        given: Any = {} if old is None else {"ExpressionAttributeValues": to_wire({":old": old.batch_id})}
        facts = {"Scope": new.scope, "BatchID": new.batch_id, "StartedAt": to_iso(new.started_at)}
        put: Any = {
            "TableName": self._table,
            "Item": {**watch_key(watch.id, _batch_part(new.scope)), **to_wire(facts)},
            "ConditionExpression": condition,
            "ExpressionAttributeNames": placeholders(condition),
            **given,
        }
        try:
            with translate_aws_errors():
                self._client.put_item(**put)
        except ServiceError as error:
            if is_refused(error):
                return False
            raise
        return True

    def remove_batch(self, watch: Watch, batch: OpenBatch) -> None:
        """Forget the open batch of a scope. Do nothing if another one has replaced it."""
        condition = "#BatchID = :old"
        try:
            with translate_aws_errors():
                self._client.delete_item(
                    TableName=self._table,
                    Key=watch_key(watch.id, _batch_part(batch.scope)),
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(condition),
                    ExpressionAttributeValues=to_wire({":old": batch.batch_id}),
                )
        except ServiceError as error:
            if not is_refused(error):
                raise

    def forget(self, watch_id: str) -> bool:
        """Delete the first items of a deleted watch, at most ``DELETED``, then its marks, in the same way.

        Return True if there may be more.
        """
        for item_id in (watch_id_key(watch_id), marks_id_key(watch_id)):
            parts = [str(item["Part"]) for item in self._query(item_id, "", limit=DELETED)]
            map_parallel(lambda part: self._delete(item_id, part), parts)  # noqa: B023 - it runs here
            if len(parts) == DELETED:
                return True
        return False

    def _delete(self, item_id: str, part: str) -> None:
        with translate_aws_errors():
            self._client.delete_item(TableName=self._table, Key=batch_key(item_id, part))

    def _query(self, item_id: str, start: str, *, limit: int | None = None) -> list[Mapping[str, Any]]:
        condition = "#ID = :id" + (" AND begins_with(#Part, :start)" if start else "")
        return list(
            query_items(
                self._client,
                limit=limit,
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeNames=placeholders(condition),
                ExpressionAttributeValues=to_wire({":id": item_id} | ({":start": start} if start else {})),
                ConsistentRead=True,
            )
        )

    def _put(self, key: Mapping[str, Any], facts: Mapping[str, Any]) -> "TransactWriteItemTypeDef":
        return {
            "Put": {
                "TableName": self._table,
                "Item": {**key, **to_wire(facts)},
                "ConditionExpression": "attribute_not_exists(#ID)",
                "ExpressionAttributeNames": placeholders("#ID"),
            }
        }

    def _count(self, watch: Watch, jobs: int, skipped: int) -> "TransactWriteItemTypeDef":
        expression = "ADD #Jobs :jobs, #Skipped :skipped"
        condition = "attribute_exists(#ID) AND attribute_not_exists(#PausedAt)"
        return {
            "Update": {
                "TableName": self._table,
                "Key": watch_key(watch.id),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": placeholders(expression, condition),
                "ExpressionAttributeValues": to_wire({":jobs": jobs, ":skipped": skipped}),
            }
        }


def _batch_part(scope: str) -> str:
    """Return the part of a scope's open batch. A hash, because a sort key has at most 1,024 bytes."""
    return BATCH + hashlib.sha256(scope.encode()).hexdigest()


def _open_batch(item: Mapping[str, Any]) -> OpenBatch:
    return OpenBatch(scope=item["Scope"], batch_id=item["BatchID"], started_at=from_iso(item["StartedAt"]))
