"""Writes of the ``Batches`` table that start, pause, resume and end operations on all members of a batch.

Each transaction changes the batch and its walks together (``walk_table``), so an operation that has started is
continued even if the function that started it is killed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.batch_item import batch_key, scan_to_map
from shared.aws.dynamodb.expressions import is_refused, placeholders
from shared.aws.dynamodb.job_item import failure_to_map
from shared.aws.dynamodb.transactions import transact
from shared.aws.dynamodb.walks.walk_table import delete_walk, put_walk
from shared.aws.dynamodb.wire import to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import to_iso
from shared.errors import BatchNotFound, ServiceError
from shared.jobs.batch import Batch, MemberScan
from shared.jobs.job import JobFailure
from shared.jobs.walk import WalkKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

#: Attribute of a batch that holds the position of a scan.
_SCANS: Mapping[WalkKind, str] = {WalkKind.RETRY: "Retrying", WalkKind.CANCEL: "Cancelling"}
_EXISTS = "attribute_exists(#ID)"


class BatchOperations:
    """Operations on all members of a batch. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Batches`` table."""
        self._client = client
        self._table = table

    def begin_scan(self, batch: Batch, kind: WalkKind, scan: MemberScan) -> None:
        """Start a scan of all members and its walk. A scan that has started before keeps its position.

        A cancellation also closes the batch and ends a retry. Raises BatchNotFound if the batch does not exist.
        """
        name = _SCANS[kind]
        expression = f"SET #{name} = if_not_exists(#{name}, :scan)"
        values: dict[str, Any] = {":scan": scan_to_map(scan)}
        walks = [put_walk(self._table, batch.id, batch.owner, kind, due_at=scan.started_at)]
        if kind is WalkKind.CANCEL:
            expression += ", #ClosedAt = if_not_exists(#ClosedAt, :at) REMOVE #Retrying, #PausedAt"
            values[":at"] = to_iso(scan.started_at)
            walks += [delete_walk(self._table, batch.id, each) for each in (WalkKind.FILL, WalkKind.RETRY)]
        if not self._write(batch.id, expression, values, walks):
            raise BatchNotFound

    def save_scan(self, batch: Batch, kind: WalkKind, scan: MemberScan) -> bool:
        """Store the position of a scan. Return False if the scan has ended, was replaced or is paused."""
        name = _SCANS[kind]
        condition = f"#{name}.#StartedAt = :started"
        if kind is WalkKind.RETRY:
            condition += " AND attribute_not_exists(#PausedAt)"
        values = {":scan": scan_to_map(scan), ":started": to_iso(scan.started_at)}
        return self._write(batch.id, f"SET #{name} = :scan", values, condition=condition)

    def end_scan(self, batch: Batch, kind: WalkKind, scan: MemberScan) -> None:
        """End a scan and its walk. Do nothing if it has ended, or if another one has replaced it."""
        name = _SCANS[kind]
        self._write(
            batch.id,
            f"REMOVE #{name}",
            {":started": to_iso(scan.started_at)},
            [delete_walk(self._table, batch.id, kind)],
            condition=f"#{name}.#StartedAt = :started",
        )

    def pause(self, batch: Batch, *, at: datetime) -> None:
        """Let the server create and retry no more members, until the batch is resumed. Idempotent.

        Raises BatchNotFound if the batch does not exist.
        """
        walks = [delete_walk(self._table, batch.id, each) for each in (WalkKind.FILL, WalkKind.RETRY)]
        expression = "SET #PausedAt = if_not_exists(#PausedAt, :at)"
        if not self._write(batch.id, expression, {":at": to_iso(at)}, walks):
            raise BatchNotFound

    def resume(self, batch: Batch, *, at: datetime) -> None:
        """Let the server continue what was paused, or what it has given up. Idempotent.

        Raises BatchNotFound if the batch does not exist.
        """
        due = {WalkKind.FILL: batch.is_filling, WalkKind.RETRY: batch.retrying is not None}
        walks = [
            put_walk(self._table, batch.id, batch.owner, kind, due_at=at) for kind, is_open in due.items() if is_open
        ]
        if not self._write(batch.id, "REMOVE #PausedAt, #WalkError", {}, walks):
            raise BatchNotFound

    def fail(self, batch: Batch, kind: WalkKind, failure: JobFailure) -> None:
        """Store why the server gives up an operation, and end its walk. The owner can resume it."""
        self._write(
            batch.id,
            "SET #WalkError = :error",
            {":error": failure_to_map(failure)},
            [delete_walk(self._table, batch.id, kind)],
        )

    def _write(
        self,
        batch_id: str,
        expression: str,
        values: Mapping[str, Any],
        walks: "Sequence[TransactWriteItemTypeDef]" = (),
        *,
        condition: str = _EXISTS,
    ) -> bool:
        """Update a batch and its walks, all or nothing. Return False if the condition is not true."""
        # DynamoDB refuses an empty map.
        given: Any = {"ExpressionAttributeValues": to_wire(values)} if values else {}
        update: Any = {
            "TableName": self._table,
            "Key": batch_key(batch_id),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": placeholders(expression, condition),
            **given,
        }
        try:
            if walks:
                transact(self._client, [{"Update": update}, *walks])
            else:
                with translate_aws_errors():
                    self._client.update_item(**update)
        except ServiceError as error:
            if is_refused(error):
                return False
            raise
        return True
