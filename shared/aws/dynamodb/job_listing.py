"""Job listings, newest first. They query indexes, so their cost does not grow with the table."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared.aws.dynamodb.batch_reads import read_items
from shared.aws.dynamodb.job_item import from_item, owner_shard
from shared.aws.dynamodb.wire import query_items, to_wire
from shared.jobs.job import Job, JobStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Jobs per page: the limit of one BatchGetItem.
MAX_PAGE = 100
#: Maximum number of records to read for one page. If few jobs match the filter, a page before the last may be short.
MAX_EXAMINED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """The filter and the position of one page."""

    owner: str
    status: JobStatus | None = None
    #: Text that the file name contains. Upper and lower case are the same.
    filename: str | None = None
    batch_id: str | None = None
    #: Oldest ID to list.
    first_id: str | None = None
    #: Only older IDs are listed.
    before_id: str | None = None
    #: Jobs that expired before this time are not listed; DynamoDB removes their records late.
    now: datetime
    limit: int = 20


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs, newest first, and the ID before which the next page starts; None on the last page."""

    jobs: tuple[Job, ...]
    next_before_id: str | None


class JobListing:
    """Reads IDs from the indexes ``Recent`` and ``ByBatch``, and the records from the table.

    The indexes hold only keys. So a listing shows current records, and a transition writes to neither index.
    """

    def __init__(self, client: "DynamoDBClient", table: str, *, listing_shards: int) -> None:
        """Use ``table``, in which each owner's jobs are spread over ``listing_shards`` partitions."""
        self._client = client
        self._table = table
        self._listing_shards = listing_shards

    def page(self, query: JobQuery) -> JobPage:
        """Return one page. Raises ServiceError if DynamoDB fails."""
        found: list[Job] = []
        before = query.before_id
        examined = 0
        # Without a filter, one job more than the limit shows whether there is a next page.
        chunk = MAX_PAGE if query.status or query.filename else min(query.limit + 1, MAX_PAGE)
        while examined < MAX_EXAMINED:
            ids = self._ids(query, before, chunk)
            examined += len(ids)
            for job in self.fetch(ids):
                if _matches(job, query):
                    if len(found) == query.limit:
                        return JobPage(tuple(found), found[-1].id)
                    found.append(job)
            if len(ids) < chunk:
                return JobPage(tuple(found), None)
            before = ids[-1]
        return JobPage(tuple(found), before)

    def _ids(self, query: JobQuery, before: str | None, count: int) -> list[str]:
        """Return the next IDs in descending order. A list that is shorter than ``count`` is the last one."""
        if query.batch_id is not None:
            partitions = [("ByBatch", "BatchID", query.batch_id)]
        else:
            shards = range(self._listing_shards)
            partitions = [("Recent", "OwnerShard", owner_shard(query.owner, shard)) for shard in shards]
        merged = [
            job_id
            for index, attribute, value in partitions
            for job_id in self._query(index, attribute, value, query.first_id, before, count)
        ]
        # When the number of shards grows, a record may be in two of them for a short time.
        return sorted(set(merged), reverse=True)[:count]

    def _query(  # noqa: PLR0913, PLR0917 - one index, one range
        self, index: str, attribute: str, value: str, first: str | None, before: str | None, count: int
    ) -> list[str]:
        if first and before and first > before:
            return []  # DynamoDB refuses a range whose end is before its start
        # "0" sorts before every ID and "~" after. BETWEEN includes both ends, so the cursor itself is removed below.
        items = query_items(
            self._client,
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#P = :p AND #ID BETWEEN :first AND :before",
            ExpressionAttributeNames={"#P": attribute, "#ID": "ID"},
            ExpressionAttributeValues=to_wire({":p": value, ":first": first or "0", ":before": before or "~"}),
            ScanIndexForward=False,
            limit=count + 1,
        )
        ids = [str(item["ID"]) for item in items]
        return [job_id for job_id in ids if job_id != before][:count]

    def fetch(self, ids: list[str]) -> list[Job]:
        """Return the jobs of some IDs in the same order, without facts. IDs without a record are left out."""
        keys = [{"ID": {"S": job_id}} for job_id in ids]
        items = {item["ID"]: item for item in read_items(self._client, self._table, keys)}
        for item in items.values():
            # Facts about an image can be private, so no listing has them.
            item.pop("Facts", None)
        return [from_item(items[job_id]) for job_id in ids if job_id in items]


def _matches(job: Job, query: JobQuery) -> bool:
    expired = job.expires_at is not None and job.expires_at <= query.now
    gone = expired or job.deleted_at is not None
    is_wanted = query.status in {None, job.status} and _contains(job.filename, query.filename)
    return job.owner == query.owner and is_wanted and not gone


def _contains(name: str, text: str | None) -> bool:
    """Return True if a file name, which is stored in NFC, contains a text in any case and normalization form."""
    return text is None or unicodedata.normalize("NFC", text).casefold() in name.casefold()
