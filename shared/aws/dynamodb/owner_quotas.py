"""Limits of each owner on open jobs and on bytes per day, counted in the ``Batches`` table.

The transaction that creates a job adds to the item ``opened``, and the one that ends it adds to one of the items
``closed``. So the counts are exact, whatever is repeated or killed. ``closed`` only grows: a creation that has read an
old value refuses too early, but never too late. Several ``closed`` items let workers end jobs at the same time.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Self

from shared.aws.clients import Clients
from shared.aws.dynamodb.batch_item import batch_key
from shared.aws.dynamodb.expressions import placeholders
from shared.aws.dynamodb.job_item import shard_of
from shared.aws.dynamodb.wire import Item, query_items, to_wire
from shared.errors import DailyBytesExceeded, TooManyOpenJobs
from shared.jobs.job import Job
from shared.settings import OwnerLimitSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

OPENED: Final = "opened"
CLOSED_SHARDS: Final = 8
#: Writes of a job until the API gives up, if other requests of the owner change the counts at the same time.
MAX_TRIES: Final = 5
#: Seconds after which an owner with too many open jobs can try again.
RETRY_AFTER_SECONDS: Final = 5
#: Above every count.
_UNLIMITED: Final = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerLimits:
    """The limits of each owner; 0 for no limit."""

    open_jobs: int
    daily_bytes: int
    #: What an upload counts that declares no size.
    unknown_bytes: int

    def count_bytes(self, job: Job) -> int:
        """Return the bytes that a job counts."""
        return self.unknown_bytes if job.expected_bytes is None else job.expected_bytes


class OwnerQuotas:
    """The counts of all owners. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str, limits: OwnerLimits) -> None:
        """Use the ``Batches`` table."""
        self._client = client
        self._table = table
        self._limits = limits

    @classmethod
    def of(cls, clients: Clients, settings: OwnerLimitSettings) -> Self | None:
        """Create the counts from a Lambda's clients and settings, or return None if nothing is limited."""
        if not settings.owner_open_jobs and not settings.owner_daily_bytes:
            return None
        limits = OwnerLimits(
            open_jobs=settings.owner_open_jobs,
            daily_bytes=settings.owner_daily_bytes,
            unknown_bytes=settings.max_raw_bytes,
        )
        return cls(clients.dynamodb, settings.batch_table, limits)

    def reserve(self, jobs: Sequence[Job]) -> "TransactWriteItemTypeDef":
        """Return the write that counts new jobs of one owner, for the transaction that creates them.

        The write is refused if other requests have used the rest of a limit meanwhile. Raises TooManyOpenJobs or
        DailyBytesExceeded if a limit is used up already.
        """
        limits, owner, now = self._limits, jobs[0].owner, jobs[0].uploaded_at
        size, day = sum(map(limits.count_bytes, jobs)), now.date().isoformat()
        items = self._read(owner)
        opened = items.pop(OPENED, {})
        closed = sum(item["Count"] for item in items.values())
        left = limits.open_jobs - (opened.get("Count", 0) - closed)
        if limits.open_jobs and len(jobs) > left:
            raise TooManyOpenJobs(
                f"At most {limits.open_jobs:,} jobs may be open; {max(left, 0):,} more are possible now.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        is_new_day = opened.get("Day", day) < day
        used = 0 if is_new_day else opened.get("Bytes", 0)
        if limits.daily_bytes and used + size > limits.daily_bytes:
            raise DailyBytesExceeded(
                f"At most {limits.daily_bytes:,} bytes per day (UTC) are allowed; {used:,} are used.",
                retry_after_seconds=_seconds_until_midnight(now),
            )
        values = {
            ":day": day,
            ":jobs": len(jobs),
            ":bytes": size,
            ":most_opened": limits.open_jobs + closed - len(jobs) if limits.open_jobs else _UNLIMITED,
        }
        condition = "(attribute_not_exists(#Count) OR #Count <= :most_opened)"
        if is_new_day:
            expression = "SET #Day = :day, #Bytes = :bytes ADD #Count :jobs"
            condition += " AND #Day < :day"
        else:
            expression = "SET #Day = :day ADD #Count :jobs, #Bytes :bytes"
            condition += " AND (attribute_not_exists(#Day) OR (#Day >= :day AND #Bytes <= :most_bytes))"
            values[":most_bytes"] = limits.daily_bytes - size if limits.daily_bytes else _UNLIMITED
        return _update(self._table, owner, OPENED, expression, values, condition)

    def _read(self, owner: str) -> dict[str, Item]:
        """Return the items of an owner by their part."""
        items = query_items(
            self._client,
            TableName=self._table,
            KeyConditionExpression="#ID = :id",
            ExpressionAttributeNames=placeholders("#ID"),
            ExpressionAttributeValues=to_wire({":id": _owner_id(owner)}),
            ConsistentRead=True,
        )
        return {item["Part"]: item for item in items}


def count_opening(table: str, before: Job, after: Job) -> "list[TransactWriteItemTypeDef]":
    """Return the write that counts the end or the retry of a counted job, for the transaction of the transition.

    A retry counts but is never refused.
    """
    if not after.is_counted or _is_open(before) == _is_open(after):
        return []
    part = OPENED if _is_open(after) else f"closed#{shard_of(after.id, CLOSED_SHARDS)}"
    return [_update(table, after.owner, part, "ADD #Count :one", {":one": 1})]


def _is_open(job: Job) -> bool:
    return job.deleted_at is None and not job.status.is_terminal


def _update(  # noqa: PLR0913, PLR0917 - the parts of a conditional write
    table: str, owner: str, part: str, expression: str, values: dict[str, Any], condition: str = ""
) -> "TransactWriteItemTypeDef":
    update: Any = {
        "TableName": table,
        "Key": batch_key(_owner_id(owner), part),
        "UpdateExpression": expression,
        "ExpressionAttributeNames": placeholders(expression, condition),
        "ExpressionAttributeValues": to_wire(values),
    }
    return {"Update": update | ({"ConditionExpression": condition} if condition else {})}


def _owner_id(owner: str) -> str:
    return "owner#" + hashlib.sha256(owner.encode()).hexdigest()


def _seconds_until_midnight(now: datetime) -> int:
    tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), tzinfo=UTC)
    return ceil((tomorrow - now).total_seconds())
