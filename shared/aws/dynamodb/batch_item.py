"""Conversion between a batch and its items in the ``Batches`` table, and the write that counts a member.

All items of a batch have its ID and differ in ``Part``. The part ``batch`` is the batch itself. The parts ``count#0``
to ``count#7`` are its counts.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import placeholders
from shared.aws.dynamodb.job_item import (
    failure_from_map,
    failure_to_map,
    shard_of,
    spec_from_item,
    spec_to_item,
)
from shared.aws.dynamodb.wire import Item, drop_none, from_optional_iso, to_optional_iso, to_wire
from shared.clock import from_iso, to_iso
from shared.jobs.backfill import Backfill, BackfillFilter
from shared.jobs.batch import COUNTERS, DELETED_COUNTER, Batch, BatchState, MemberCounts, MemberScan, counter_of
from shared.jobs.job import Job, JobStatus
from shared.jobs.prefix_import import PrefixImport, SkippedObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

BATCH_PART = "batch"
#: Attribute of a batch that holds what its members are created from.
FILL_ATTRIBUTES: Mapping[type, str] = {Backfill: "Backfill", PrefixImport: "Import"}
#: Items over which the counts of one batch are spread.
COUNT_SHARDS = 8


def batch_key(batch_id: str, part: str = BATCH_PART) -> dict[str, Any]:
    """Return the primary key of one item."""
    return {"ID": {"S": batch_id}, "Part": {"S": part}}


def to_batch_item(batch: Batch) -> Item:
    """Return a batch as an item. Its counts are separate items."""
    item: Item = {
        "ID": batch.id,
        "Part": BATCH_PART,
        "Owner": batch.owner,
        "Name": batch.name,
        "CreatedAt": to_iso(batch.created_at),
        **spec_to_item(batch),
        "Added": batch.added,
        "ClosedAt": to_optional_iso(batch.closed_at),
        "Cancelling": scan_to_map(batch.cancelling),
        "Retrying": scan_to_map(batch.retrying),
        **{FILL_ATTRIBUTES[type(fill)]: fill_to_map(fill) for fill in (batch.fill,) if fill is not None},
        "PausedAt": to_optional_iso(batch.paused_at),
        "WalkError": failure_to_map(batch.walk_error) if batch.walk_error else None,
        "ExpiresAt": int(batch.expires_at.timestamp()),
    }
    return drop_none(item)


def scan_to_map(scan: MemberScan | None) -> dict[str, str] | None:
    """Return the position of a scan over the members as a map."""
    return None if scan is None else {"StartedAt": to_iso(scan.started_at), "After": scan.after}


def fill_to_map(fill: Backfill | PrefixImport) -> dict[str, Any]:
    """Return what the members are created from, and the position in it, as a map."""
    return _backfill_to_map(fill) if isinstance(fill, Backfill) else _import_to_map(fill)


def _import_to_map(fill: PrefixImport) -> dict[str, Any]:
    return {
        "Bucket": fill.bucket,
        "Prefix": fill.prefix,
        "Include": list(fill.include),
        "After": fill.after,
        "Examined": fill.examined,
        "Skipped": fill.skipped,
        "Examples": [{"Key": each.key, "Code": each.code} for each in fill.examples],
        "Complete": fill.complete,
    }


def _backfill_to_map(backfill: Backfill) -> dict[str, Any]:
    query = backfill.filter
    return drop_none(
        {
            "Status": query.status.value if query.status else None,
            "BatchID": query.batch_id,
            "Since": to_optional_iso(query.since),
            "Until": to_optional_iso(query.until),
            "Preset": query.preset,
            "PresetVersion": query.preset_version,
            "Format": query.format,
            "Copies": query.copies or None,
            "Before": backfill.before,
            "Skipped": backfill.skipped,
            "Complete": backfill.complete,
        }
    )


def from_items(items: Iterable[Mapping[str, Any]]) -> BatchState | None:
    """Return a batch with its counts, or None if the items hold no batch."""
    by_part = {item["Part"]: item for item in items}
    batch = by_part.pop(BATCH_PART, None)
    return None if batch is None else BatchState(_batch(batch), _counts(list(by_part.values())))


def count_member_change(table: str, job: Job, before: Job, steps: Mapping[str, int]) -> "TransactWriteItemTypeDef":
    """Return the write that counts a member's transition. It belongs in the transaction that stores the transition.

    A count item exists longer than its batch: it expires twice the retention of a job after the item's last change.
    """
    retention = (job.expires_at or job.uploaded_at) - job.uploaded_at
    values: dict[str, Any] = {f":{name}": step for name, step in steps.items()}
    values[":expires"] = int((job.timestamp + 2 * retention).timestamp())
    sets = ["#ExpiresAt = :expires"]
    if counter_of(before) is None:
        values[":at"] = to_iso(job.deleted_at or job.timestamp)
        sets.append("#LastAt = :at")
    adds = ", ".join(f"#{name} :{name}" for name in steps)
    expression = f"SET {', '.join(sets)} ADD {adds}"
    return {
        "Update": {
            "TableName": table,
            "Key": batch_key(str(job.batch_id), f"count#{shard_of(job.id, COUNT_SHARDS)}"),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": placeholders(expression),
            "ExpressionAttributeValues": to_wire(values),
        }
    }


def _batch(item: Mapping[str, Any]) -> Batch:
    return Batch(
        id=item["ID"],
        owner=item["Owner"],
        name=item.get("Name"),
        created_at=from_iso(item["CreatedAt"]),
        **spec_from_item(item).spec_fields(),
        added=item.get("Added", 0),
        closed_at=from_optional_iso(item.get("ClosedAt")),
        cancelling=_scan(item.get("Cancelling")),
        retrying=_scan(item.get("Retrying")),
        backfill=_backfill(item.get("Backfill")),
        prefix_import=_prefix_import(item.get("Import")),
        paused_at=from_optional_iso(item.get("PausedAt")),
        walk_error=failure_from_map(item["WalkError"]) if "WalkError" in item else None,
        expires_at=datetime.fromtimestamp(item["ExpiresAt"], tz=UTC),
    )


def _counts(shards: list[Mapping[str, Any]]) -> MemberCounts:
    sums = {name: sum(shard.get(name, 0) for shard in shards) for name in (*COUNTERS.values(), DELETED_COUNTER)}
    last = max((shard["LastAt"] for shard in shards if "LastAt" in shard), default=None)
    return MemberCounts(**{name.lower(): count for name, count in sums.items()}, last_at=from_optional_iso(last))


def _scan(stored: Mapping[str, str] | None) -> MemberScan | None:
    return None if stored is None else MemberScan(started_at=from_iso(stored["StartedAt"]), after=stored["After"])


def _prefix_import(stored: Mapping[str, Any] | None) -> PrefixImport | None:
    if stored is None:
        return None
    return PrefixImport(
        bucket=stored["Bucket"],
        prefix=stored["Prefix"],
        include=tuple(stored["Include"]),
        after=stored["After"],
        examined=stored["Examined"],
        skipped=stored["Skipped"],
        examples=tuple(SkippedObject(key=each["Key"], code=each["Code"]) for each in stored["Examples"]),
        complete=stored["Complete"],
    )


def _backfill(stored: Mapping[str, Any] | None) -> Backfill | None:
    if stored is None:
        return None
    return Backfill(
        filter=BackfillFilter(
            status=JobStatus(stored["Status"]) if "Status" in stored else None,
            batch_id=stored.get("BatchID"),
            since=from_optional_iso(stored.get("Since")),
            until=from_optional_iso(stored.get("Until")),
            preset=stored.get("Preset"),
            preset_version=stored.get("PresetVersion"),
            format=stored.get("Format"),
            copies=stored.get("Copies", False),
        ),
        before=stored["Before"],
        skipped=stored["Skipped"],
        complete=stored["Complete"],
    )
