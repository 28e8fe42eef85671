"""Listing jobs, newest first, without scanning: at a cost that does not grow with the table."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.job_item import from_item, from_wire, owner_shard, to_wire
from shared.aws.errors import translate_aws_errors
from shared.errors import ServiceThrottled
from shared.jobs.job import Job, JobStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Jobs a page: what one BatchGetItem can fetch.
MAX_PAGE = 100
#: Records read for one page at the most; a rare status may give a short page with a cursor.
MAX_EXAMINED = 1_000
MAX_TRIES = 5
#: Before asking again for records that DynamoDB left out, because it was busy; it doubles.
FIRST_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """What to list."""

    owner: str
    status: JobStatus | None = None
    batch_id: str | None = None
    #: Oldest ID that may appear.
    first_id: str | None = None
    #: Newer IDs, and this one, do not appear.
    before_id: str | None = None
    #: DynamoDB removes expired records late; those before this moment do not appear.
    now: datetime
    limit: int = 20


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, newest first, and the ID to go on before; None when there are no more."""

    jobs: tuple[Job, ...]
    next_before_id: str | None


class JobListing:
    """Reads the indexes ``Recent`` and ``ByBatch``; they hold keys alone, the records come from the table.

    So a listing shows each job as last written, and a transition costs no write to these indexes.
    """

    def __init__(self, client: "DynamoDBClient", table: str, *, listing_shards: int) -> None:
        """Work on ``table``, whose owners are spread over ``listing_shards`` partitions each."""
        self._client = client
        self._table = table
        self._listing_shards = listing_shards

    def page(self, query: JobQuery) -> JobPage:
        """Return one page. Raises ServiceError."""
        found: list[Job] = []
        before = query.before_id
        examined = 0
        # Unfiltered, one more than asked tells whether there is a next page.
        chunk = MAX_PAGE if query.status else min(query.limit + 1, MAX_PAGE)
        while examined < MAX_EXAMINED:
            ids = self._ids(query, before, chunk)
            examined += len(ids)
            for job in self.fetch(ids):
                if _is_wanted(job, query):
                    if len(found) == query.limit:
                        return JobPage(tuple(found), found[-1].id)
                    found.append(job)
            if len(ids) < chunk:
                return JobPage(tuple(found), None)
            before = ids[-1]
        return JobPage(tuple(found), before)

    def _ids(self, query: JobQuery, before: str | None, count: int) -> list[str]:
        """Return the next IDs in falling order, at most ``count``; fewer mean that there are no more."""
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
        # While the number of shards grows, a record may stand in two of them for a moment.
        return sorted(set(merged), reverse=True)[:count]

    def _query(  # noqa: PLR0913, PLR0917 - one index, one range
        self, index: str, attribute: str, value: str, first: str | None, before: str | None, count: int
    ) -> list[str]:
        if first and before and first > before:
            return []  # DynamoDB refuses a range that ends before it begins
        # "0" sorts before every ID and "~" after. BETWEEN includes its ends, so the cursor itself is left out below.
        with translate_aws_errors():
            answer = self._client.query(
                TableName=self._table,
                IndexName=index,
                KeyConditionExpression="#P = :p AND #ID BETWEEN :first AND :before",
                ExpressionAttributeNames={"#P": attribute, "#ID": "ID"},
                ExpressionAttributeValues=to_wire({":p": value, ":first": first or "0", ":before": before or "~"}),
                ScanIndexForward=False,
                Limit=count + 1,
            )
        ids = [str(from_wire(item)["ID"]) for item in answer["Items"]]
        return [job_id for job_id in ids if job_id != before][:count]

    def fetch(self, ids: list[str]) -> list[Job]:
        """Read the records of some IDs in their order; those that have gone meanwhile are left out."""
        wanted: list[dict[str, Any]] = [{"ID": {"S": job_id}} for job_id in ids]
        items: dict[str, Mapping[str, Any]] = {}
        for tries in range(MAX_TRIES):
            if not wanted:
                break
            if tries:
                time.sleep(FIRST_PAUSE_SECONDS * (1 << tries) * random.uniform(0.5, 1))  # noqa: S311 - jitter
            with translate_aws_errors():
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}},
                )
            for wire in answer["Responses"].get(self._table, []):
                item = from_wire(wire)
                items[item["ID"]] = item
            unprocessed = answer.get("UnprocessedKeys", {}).get(self._table)
            wanted = list(unprocessed["Keys"]) if unprocessed else []
        if wanted:
            raise ServiceThrottled(retry_after_seconds=1)
        return [from_item(items[job_id]) for job_id in ids if job_id in items]


def _is_wanted(job: Job, query: JobQuery) -> bool:
    expired = job.expires_at is not None and job.expires_at <= query.now
    gone = expired or job.deleted_at is not None
    return job.owner == query.owner and query.status in {None, job.status} and not gone
