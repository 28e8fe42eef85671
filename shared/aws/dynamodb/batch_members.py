"""The members of a batch in the order of their IDs, one page at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.aws.dynamodb.job_listing import MAX_EXAMINED, MAX_PAGE, JobListing
from shared.aws.dynamodb.wire import query_items, to_wire
from shared.jobs.job import Job, JobStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Members, oldest first, and the ID after which the next page starts; None on the last page."""

    jobs: tuple[Job, ...]
    next_after: str | None


class BatchMembers:
    """Reads member IDs from the eventually consistent index ``ByBatch``, and their records from the table."""

    def __init__(self, client: "DynamoDBClient", table: str, listing: JobListing) -> None:
        """Use the index of ``table``."""
        self._client = client
        self._table = table
        self._listing = listing

    def page(self, batch_id: str, *, after: str, limit: int, status: JobStatus | None = None) -> MemberPage:
        """Return the next members after an ID. If few members have the status, a page before the last may be short."""
        found: list[Job] = []
        examined = 0
        for ids in self._chunks(batch_id, after, MAX_PAGE if status else limit):
            examined += len(ids)
            for job in self._listing.fetch(ids):
                if job.deleted_at is None and status in {None, job.status}:
                    found.append(job)
                    if len(found) == limit:
                        return MemberPage(tuple(found), job.id)
            if examined >= MAX_EXAMINED:
                return MemberPage(tuple(found), ids[-1])
        return MemberPage(tuple(found), None)

    def find(self, ids: list[str]) -> dict[str, Job]:
        """Return the jobs of up to 100 IDs, by ID; IDs without a record are left out."""
        return {job.id: job for job in self._listing.fetch(ids)}

    def chunks(self, batch_id: str, after: str) -> Iterator[list[Job]]:
        """Yield all members after an ID, one page at a time."""
        for ids in self._chunks(batch_id, after, MAX_PAGE):
            yield [job for job in self._listing.fetch(ids) if job.deleted_at is None]

    def _chunks(self, batch_id: str, after: str, size: int) -> Iterator[list[str]]:
        while True:
            items = query_items(
                self._client,
                TableName=self._table,
                IndexName="ByBatch",
                KeyConditionExpression="#BatchID = :batch AND #ID > :after",
                ExpressionAttributeNames={"#BatchID": "BatchID", "#ID": "ID"},
                # "0" sorts before every ID.
                ExpressionAttributeValues=to_wire({":batch": batch_id, ":after": after or "0"}),
                limit=size,
            )
            ids = [str(item["ID"]) for item in items]
            if not ids:
                return
            yield ids
            if len(ids) < size:
                return
            after = ids[-1]
