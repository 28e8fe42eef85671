"""The ``Batches`` table: batches and their counts. Members are made together with what counts them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.backfill_item import backfill_to_map
from shared.aws.dynamodb.batch_item import batch_key, from_items, scan_to_map, to_batch_item
from shared.aws.dynamodb.expressions import is_refused, names, refused_item
from shared.aws.dynamodb.job_item import from_wire, to_item, to_wire
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.dynamodb.transactions import is_transaction_refused, transact
from shared.aws.errors import translate_aws_errors
from shared.clock import to_iso
from shared.errors import BatchClosed, BatchNotFound, ServiceError, ServiceUnavailable
from shared.jobs.backfill import Backfill
from shared.jobs.batch import Batch, BatchState, MemberScan
from shared.jobs.job import Job

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

#: Members made in one transaction, of the 100 items and 4 MB that DynamoDB allows.
CHUNK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """Some batches, newest first, and the ID to go on before; None when there are no more."""

    states: tuple[BatchState, ...]
    next_before_id: str | None


class BatchTable:
    """All that one can do to a batch as a whole. Every method raises ServiceError where DynamoDB fails."""

    def __init__(
        self, client: "DynamoDBClient", table: str, *, job_table: str, bucket: str, listing_shards: int
    ) -> None:
        """Work on ``table``; members go to ``job_table``."""
        self._client = client
        self._table = table
        self._job_table = job_table
        self._bucket = bucket
        self._listing_shards = listing_shards
        self._jobs = JobListing(client, job_table, listing_shards=listing_shards)

    def create(self, batch: Batch) -> None:
        """Write a new batch. One that is there already under its ID is of an earlier try of the same request."""
        try:
            with translate_aws_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_wire(to_batch_item(batch)),
                    ConditionExpression="attribute_not_exists(#ID)",
                    ExpressionAttributeNames=names("ID"),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            old = refused_item(error)
            if old is None or old["CreatedAt"] != to_iso(batch.created_at):
                raise

    def get(self, batch_id: str, owner: str, *, now: datetime) -> BatchState:
        """Read a batch with its counts. Raises BatchNotFound, also for another owner's and after its retention."""
        with translate_aws_errors():
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="#ID = :id",
                ExpressionAttributeNames=names("ID"),
                ExpressionAttributeValues=to_wire({":id": batch_id}),
                ConsistentRead=True,
            )
        found = from_items(from_wire(item) for item in answer["Items"])
        if found is None or found.batch.owner != owner or found.batch.expires_at <= now:
            raise BatchNotFound
        return found

    def page(self, owner: str, *, before_id: str | None, limit: int, now: datetime) -> BatchPage:
        """List an owner's batches."""
        with translate_aws_errors():
            answer = self._client.query(
                TableName=self._table,
                IndexName="ByOwner",
                KeyConditionExpression="#Owner = :owner AND #ID < :before",
                ExpressionAttributeNames=names("Owner", "ID"),
                # "~" sorts after every ID.
                ExpressionAttributeValues=to_wire({":owner": owner, ":before": before_id or "~"}),
                ScanIndexForward=False,
                Limit=limit + 1,
            )
        ids = [str(from_wire(item)["ID"]) for item in answer["Items"]]
        found = []
        for batch_id in ids[:limit]:
            try:
                found.append(self.get(batch_id, owner, now=now))
            except BatchNotFound:
                continue  # past its retention; DynamoDB removes it late
        return BatchPage(states=tuple(found), next_before_id=ids[limit - 1] if len(ids) > limit else None)

    def append(self, batch_id: str, jobs: Sequence[Job], *, expires_at: datetime) -> None:
        """Make members, a chunk at a time, each chunk together with the total that counts it.

        Chunks that are there already, from an earlier try of the same request, stay as they are. Raises BatchClosed.
        """
        for start in range(0, len(jobs), CHUNK):
            chunk = jobs[start : start + CHUNK]
            try:
                transact(self._client, [*map(self._put, chunk), self._add(batch_id, len(chunk), expires_at)])
            except ServiceError as error:
                if not is_transaction_refused(error):
                    raise
                self._judge(chunk, error)

    def advance(
        self, batch: Batch, jobs: Sequence[Job], backfill: Backfill, *, at: datetime, expires_at: datetime
    ) -> bool:
        """Make the next members of a backfill, at most a chunk, together with the place that its walk has come to.

        Returns False where the batch is not at the place any more that it was read at, or is closed: then nothing was
        written, unless by a try of this call whose answer was lost. With the last members the batch is closed.
        """
        assert batch.backfill is not None  # noqa: S101 - the caller has looked
        closing = ", #ClosedAt = :at" if backfill.complete else ""
        update: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self._table,
                "Key": batch_key(batch.id),
                "UpdateExpression": f"SET #ExpiresAt = :kept, #Backfill = :backfill{closing} ADD #Added :count",
                "ConditionExpression": (
                    "#Backfill.#Before = :before AND #Backfill.#Complete = :no AND attribute_not_exists(#ClosedAt)"
                ),
                "ExpressionAttributeNames": names("ClosedAt", "ExpiresAt", "Added", "Backfill", "Before", "Complete"),
                "ExpressionAttributeValues": to_wire(
                    {
                        ":kept": int(expires_at.timestamp()),
                        ":backfill": backfill_to_map(backfill),
                        ":count": len(jobs),
                        ":before": batch.backfill.before,
                        ":no": False,
                    }
                    | ({":at": to_iso(at)} if backfill.complete else {})
                ),
            }
        }
        try:
            transact(self._client, [*map(self._put, jobs), update])
        except ServiceError as error:
            if not is_transaction_refused(error):
                raise
            return False
        return True

    def close(self, batch_id: str, *, at: datetime) -> None:
        """Let a batch take no more members; one that is closed stays closed since then."""
        self._update(
            batch_id,
            UpdateExpression="SET #ClosedAt = if_not_exists(#ClosedAt, :at)",
            ExpressionAttributeNames=names("ClosedAt", "ID"),
            ExpressionAttributeValues=to_wire({":at": to_iso(at)}),
        )

    def save_scan(self, batch_id: str, name: str, walk: MemberScan | None) -> None:
        """Remember how far a walk (``Cancelling`` or ``Retrying``) has come; None when it is over."""
        written: dict[str, Any] = {"UpdateExpression": "REMOVE #Walk"}
        if walk is not None:
            written = {
                "UpdateExpression": "SET #Walk = :walk",
                "ExpressionAttributeValues": to_wire({":walk": scan_to_map(walk)}),
            }
        self._update(batch_id, ExpressionAttributeNames={"#Walk": name, "#ID": "ID"}, **written)

    def _update(self, batch_id: str, **request: Any) -> None:  # noqa: ANN401 - boto3's own arguments
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=batch_key(batch_id),
                    ConditionExpression="attribute_exists(#ID)",
                    **request,
                )
        except ServiceError as error:
            if is_refused(error):
                raise BatchNotFound from error
            raise

    def _put(self, job: Job) -> "TransactWriteItemTypeDef":
        return {
            "Put": {
                "TableName": self._job_table,
                "Item": to_wire(to_item(job, self._bucket, self._listing_shards)),
                "ConditionExpression": "attribute_not_exists(#ID)",
                "ExpressionAttributeNames": names("ID"),
            }
        }

    def _add(self, batch_id: str, count: int, expires_at: datetime) -> "TransactWriteItemTypeDef":
        return {
            "Update": {
                "TableName": self._table,
                "Key": batch_key(batch_id),
                "UpdateExpression": "SET #ExpiresAt = :kept ADD #Added :count",
                "ConditionExpression": "attribute_exists(#ID) AND attribute_not_exists(#ClosedAt)",
                "ExpressionAttributeNames": names("ID", "ClosedAt", "ExpiresAt", "Added"),
                "ExpressionAttributeValues": to_wire({":count": count, ":kept": int(expires_at.timestamp())}),
            }
        }

    def _judge(self, chunk: Sequence[Job], error: ServiceError) -> None:
        """Pass over a chunk that is there: IDs are made from the request, so nobody else has made them."""
        there = len(self._jobs.fetch([job.id for job in chunk]))
        if there == 0:
            raise BatchClosed from error
        if there < len(chunk):
            # Members were deleted between two tries of one request.
            raise ServiceUnavailable from error
