"""The ``Batches`` table: batches and their counts. One transaction creates members and counts them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from shared.aws.clients import Clients
from shared.aws.dynamodb.batch_item import FILL_ATTRIBUTES, batch_key, fill_to_map, from_items, to_batch_item
from shared.aws.dynamodb.expressions import get_refused_item, is_refused, list_refused, placeholders
from shared.aws.dynamodb.job_item import to_item
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.dynamodb.owner_quotas import MAX_TRIES, OwnerQuotas
from shared.aws.dynamodb.transactions import transact
from shared.aws.dynamodb.walks.walk_table import delete_walk, put_walk
from shared.aws.dynamodb.wire import query_items, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import to_iso
from shared.errors import (
    BatchClosed,
    BatchNotFound,
    ServiceError,
    ServiceThrottled,
    ServiceUnavailable,
)
from shared.jobs.backfill import Backfill
from shared.jobs.batch import Batch, BatchState
from shared.jobs.job import Job
from shared.jobs.prefix_import import PrefixImport
from shared.jobs.walk import WalkKind
from shared.settings import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

#: Members created in one transaction. DynamoDB allows 100 items and 4 MB.
CHUNK_SIZE = 50
#: Attribute of a fill that is its position. It changes with each chunk, except the last one.
POSITIONS: Mapping[type, str] = {Backfill: "Before", PrefixImport: "After"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """Batches, newest first, and the ID before which the next page starts; None on the last page."""

    states: tuple[BatchState, ...]
    next_before_id: str | None


class BatchTable:
    """Batches as a whole. Every method raises ServiceError if DynamoDB fails."""

    def __init__(  # noqa: PLR0913 - the tables, and what their items contain
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        job_table: str,
        bucket: str,
        listing_shards: int,
        quotas: OwnerQuotas | None = None,
    ) -> None:
        """Use ``table`` for batches and ``job_table`` for their members. With ``quotas``, count them for the owner."""
        self._client = client
        self._table = table
        self._job_table = job_table
        self._bucket = bucket
        self._listing_shards = listing_shards
        self._quotas = quotas
        self._jobs = JobListing(client, job_table, listing_shards=listing_shards)

    @classmethod
    def of(cls, clients: Clients, settings: StoreSettings, quotas: OwnerQuotas | None = None) -> Self:
        """Create the table from a Lambda's clients and settings."""
        return cls(
            clients.dynamodb,
            settings.batch_table,
            job_table=settings.job_table,
            bucket=settings.image_bucket,
            listing_shards=settings.listing_shards,
            quotas=quotas,
        )

    def create(self, batch: Batch) -> None:
        """Write a new batch, and the walk that creates its members, if the server creates them.

        Idempotent: an earlier try of the request may have written the batch. Raises ServiceError if the ID belongs to a
        batch with another creation time.
        """
        put: Any = {
            "TableName": self._table,
            "Item": to_wire(to_batch_item(batch)),
            "ConditionExpression": "attribute_not_exists(#ID)",
            "ExpressionAttributeNames": placeholders("#ID"),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            if batch.is_filling:
                walk = put_walk(self._table, batch.id, batch.owner, WalkKind.FILL, due_at=batch.created_at)
                transact(self._client, [{"Put": put}, walk])
            else:
                with translate_aws_errors():
                    self._client.put_item(**put)
        except ServiceError as error:
            old = get_refused_item(error)
            if old is None or old["CreatedAt"] != to_iso(batch.created_at):
                raise

    def get(self, batch_id: str, owner: str, *, now: datetime) -> BatchState:
        """Return a batch with its counts.

        Raises BatchNotFound if the batch does not exist, belongs to another owner or has expired.
        """
        items = query_items(
            self._client,
            TableName=self._table,
            KeyConditionExpression="#ID = :id",
            ExpressionAttributeNames=placeholders("#ID"),
            ExpressionAttributeValues=to_wire({":id": batch_id}),
            ConsistentRead=True,
        )
        found = from_items(items)
        if found is None or found.batch.owner != owner or found.batch.expires_at <= now:
            raise BatchNotFound
        return found

    def page(self, owner: str, *, before_id: str | None, limit: int, now: datetime) -> BatchPage:
        """List an owner's batches."""
        items = query_items(
            self._client,
            TableName=self._table,
            IndexName="ByOwner",
            KeyConditionExpression="#Owner = :owner AND #ID < :before",
            ExpressionAttributeNames=placeholders("#Owner #ID"),
            # "~" sorts after every ID.
            ExpressionAttributeValues=to_wire({":owner": owner, ":before": before_id or "~"}),
            ScanIndexForward=False,
            limit=limit + 1,
        )
        ids = [str(item["ID"]) for item in items]
        found = []
        for batch_id in ids[:limit]:
            try:
                found.append(self.get(batch_id, owner, now=now))
            except BatchNotFound:
                continue  # expired; DynamoDB removes it late
        return BatchPage(states=tuple(found), next_before_id=ids[limit - 1] if len(ids) > limit else None)

    def require_room(self, jobs: Sequence[Job]) -> None:
        """Check the limits of the owner of new members. Raises TooManyOpenJobs or DailyBytesExceeded."""
        if self._quotas is not None:
            self._quotas.reserve(jobs)

    def append(self, batch_id: str, chunk: Sequence[Job], *, expires_at: datetime) -> None:
        """Create at most ``CHUNK_SIZE`` members, in one transaction with the count of members.

        A chunk that an earlier try of the request created is left unchanged. Raises BatchClosed if the batch is closed,
        TooManyOpenJobs or DailyBytesExceeded if the members exceed a limit of the owner.
        """
        for _ in range(MAX_TRIES):
            counts = self._count(chunk)
            writes = [*self._build(batch_id, chunk, expires_at), *counts]
            try:
                transact(self._client, writes)
            except ServiceError as error:
                if not is_refused(error):
                    raise
                if counts and list_refused(error) == [len(writes) - 1]:
                    continue  # other requests have changed the counts
                self._require_created(chunk, error)
            return
        raise ServiceThrottled(retry_after_seconds=1)

    def build_members(
        self, batch_id: str, chunk: Sequence[Job], *, expires_at: datetime
    ) -> "list[TransactWriteItemTypeDef]":
        """Return the writes that create members: one for each, that of the batch, and that of the owner's counts.

        The write of the batch is refused if the batch is closed or does not exist. Raises TooManyOpenJobs or
        DailyBytesExceeded if the members exceed a limit of the owner.
        """
        return [*self._build(batch_id, chunk, expires_at), *self._count(chunk)]

    def _build(self, batch_id: str, chunk: Sequence[Job], expires_at: datetime) -> "list[TransactWriteItemTypeDef]":
        return [*map(self._put, chunk), self._add(batch_id, len(chunk), expires_at)]

    def _count(self, jobs: Sequence[Job]) -> "list[TransactWriteItemTypeDef]":
        """Return the write that counts new members for their owner, or none without limits."""
        return [self._quotas.reserve(jobs)] if self._quotas is not None and jobs else []

    def advance(
        self,
        batch: Batch,
        jobs: Sequence[Job],
        fill: Backfill | PrefixImport,
        *,
        at: datetime,
        expires_at: datetime,
    ) -> bool:
        """In one transaction, create the next members, at most one chunk, and store the new position.

        The last chunk also closes the batch and ends the walk. Return False if the batch is closed or paused, or if its
        position is not that in ``batch``. Another request has changed it, or an earlier try of this call whose response
        was lost. Raises TooManyOpenJobs or DailyBytesExceeded if the members exceed a limit of the owner.
        """
        assert batch.fill is not None  # noqa: S101 - checked by the caller
        name = FILL_ATTRIBUTES[type(fill)]
        closing = ", #ClosedAt = :at" if fill.complete else ""
        expression = f"SET #ExpiresAt = :expires, #{name} = :fill{closing} ADD #Added :count"
        position = POSITIONS[type(fill)]
        condition = (
            f"#{name}.#{position} = :position AND #{name}.#Complete = :no"
            " AND attribute_not_exists(#ClosedAt) AND attribute_not_exists(#PausedAt)"
        )
        update: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self._table,
                "Key": batch_key(batch.id),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": placeholders(expression, condition),
                "ExpressionAttributeValues": to_wire(
                    {
                        ":expires": int(expires_at.timestamp()),
                        ":fill": fill_to_map(fill),
                        ":count": len(jobs),
                        ":position": fill_to_map(batch.fill)[position],
                        ":no": False,
                    }
                    | ({":at": to_iso(at)} if fill.complete else {})
                ),
            }
        }
        ending = [delete_walk(self._table, batch.id, WalkKind.FILL)] if fill.complete else []
        try:
            transact(self._client, [*map(self._put, jobs), update, *ending, *self._count(jobs)])
        except ServiceError as error:
            if not is_refused(error):
                raise
            return False
        return True

    def close(self, batch_id: str, *, at: datetime) -> None:
        """Close a batch to new members. A closed batch keeps its closing time.

        Raises BatchNotFound if the batch does not exist.
        """
        self._update(batch_id, "SET #ClosedAt = if_not_exists(#ClosedAt, :at)", {":at": to_iso(at)})

    def _update(self, batch_id: str, expression: str, values: Mapping[str, Any]) -> None:
        condition = "attribute_exists(#ID)"
        given: Any = {"ExpressionAttributeValues": to_wire(values)} if values else {}
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=batch_key(batch_id),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(expression, condition),
                    **given,
                )
        except ServiceError as error:
            if is_refused(error):
                raise BatchNotFound from error
            raise

    def _put(self, job: Job) -> "TransactWriteItemTypeDef":
        is_counted = self._quotas is not None
        return {
            "Put": {
                "TableName": self._job_table,
                "Item": to_wire(to_item(replace(job, is_counted=is_counted), self._bucket, self._listing_shards)),
                "ConditionExpression": "attribute_not_exists(#ID)",
                "ExpressionAttributeNames": placeholders("#ID"),
            }
        }

    def _add(self, batch_id: str, count: int, expires_at: datetime) -> "TransactWriteItemTypeDef":
        expression = "SET #ExpiresAt = :expires ADD #Added :count"
        condition = "attribute_exists(#ID) AND attribute_not_exists(#ClosedAt)"
        return {
            "Update": {
                "TableName": self._table,
                "Key": batch_key(batch_id),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": placeholders(expression, condition),
                "ExpressionAttributeValues": to_wire({":count": count, ":expires": int(expires_at.timestamp())}),
            }
        }

    def _require_created(self, chunk: Sequence[Job], error: ServiceError) -> None:
        """Raise an error unless an earlier try of the request created the chunk.

        The IDs of members are derived from the request, so no other request can have created them.
        """
        existing = len(self._jobs.fetch([job.id for job in chunk]))
        if existing == 0:
            raise BatchClosed from error
        if existing < len(chunk):
            # Members were deleted between two tries of the request.
            raise ServiceUnavailable from error
