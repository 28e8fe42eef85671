"""A batch and its counts as items of the ``Batches`` table, and back; and the write that counts a member.

All items of a batch share its ID: ``batch`` is the batch itself, ``count#0`` and so on are its counts.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shared.aws.dynamodb.backfill_item import backfill_from_map, backfill_to_map
from shared.aws.dynamodb.job_item import Item, shard_of, to_wire
from shared.clock import from_iso, to_iso
from shared.jobs.batch import COUNTERS, DELETED_COUNTER, Batch, BatchState, MemberCounts, MemberScan, counter_of
from shared.jobs.job import Job
from shared.pipeline.asset import AssetPin
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import PresetRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

BATCH_PART = "batch"
#: Items that share the counting of one batch.
COUNT_SHARDS = 8


def batch_key(batch_id: str, part: str = BATCH_PART) -> dict[str, Any]:
    """Return the key of one item."""
    return {"ID": {"S": batch_id}, "Part": {"S": part}}


def to_batch_item(batch: Batch) -> Item:
    """Write a batch; its counts are other items."""
    item: Item = {
        "ID": batch.id,
        "Part": BATCH_PART,
        "Owner": batch.owner,
        "Name": batch.name,
        "CreatedAt": to_iso(batch.created_at),
        "Pipeline": batch.pipeline.model_dump_json(exclude_none=True) if batch.pipeline else None,
        "Preset": {"Name": batch.preset.name, "Version": batch.preset.version} if batch.preset else None,
        "Assets": {pin.name: pin.digest for pin in batch.assets} or None,
        "Webhook": batch.webhook,
        "Added": batch.added,
        "ClosedAt": to_iso(batch.closed_at) if batch.closed_at else None,
        "Cancelling": scan_to_map(batch.cancelling),
        "Retrying": scan_to_map(batch.retrying),
        "Backfill": backfill_to_map(batch.backfill) if batch.backfill else None,
        "ExpiresAt": int(batch.expires_at.timestamp()),
    }
    return {name: value for name, value in item.items() if value is not None}


def scan_to_map(walk: MemberScan | None) -> dict[str, str] | None:
    """Write how far a walk through the members has come."""
    return None if walk is None else {"StartedAt": to_iso(walk.started_at), "After": walk.after}


def from_items(items: Iterable[Mapping[str, Any]]) -> BatchState | None:
    """Read a batch with its counts; None where there is no batch among the items."""
    by_part = {item["Part"]: item for item in items}
    whole = by_part.pop(BATCH_PART, None)
    return None if whole is None else BatchState(_batch(whole), _tally(list(by_part.values())))


def count_member_change(table: str, job: Job, before: Job, steps: Mapping[str, int]) -> "TransactWriteItemTypeDef":
    """Return the write that counts a change of a member, to go along with the change itself.

    A shard outlives its batch: it is kept for twice as long as a job, counted from its last change.
    """
    kept = (job.expires_at or job.uploaded_at) - job.uploaded_at
    names = {f"#{name}": name for name in (*steps, "ExpiresAt")}
    values: dict[str, Any] = {f":{name}": step for name, step in steps.items()}
    sets = ["#ExpiresAt = :kept"]
    values[":kept"] = int((job.timestamp + 2 * kept).timestamp())
    if counter_of(before) is None:
        names["#LastAt"] = "LastAt"
        values[":at"] = to_iso(job.deleted_at or job.timestamp)
        sets.append("#LastAt = :at")
    adds = ", ".join(f"#{name} :{name}" for name in steps)
    return {
        "Update": {
            "TableName": table,
            "Key": batch_key(str(job.batch_id), f"count#{shard_of(job.id, COUNT_SHARDS)}"),
            "UpdateExpression": f"SET {', '.join(sets)} ADD {adds}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_wire(values),
        }
    }


def _batch(item: Mapping[str, Any]) -> Batch:
    return Batch(
        id=item["ID"],
        owner=item["Owner"],
        name=item.get("Name"),
        created_at=from_iso(item["CreatedAt"]),
        pipeline=_pipeline(item.get("Pipeline")),
        preset=PresetRef(item["Preset"]["Name"], item["Preset"]["Version"]) if "Preset" in item else None,
        assets=tuple(AssetPin(name, digest) for name, digest in item.get("Assets", {}).items()),
        webhook=item.get("Webhook"),
        added=item.get("Added", 0),
        closed_at=_moment(item.get("ClosedAt")),
        cancelling=_round(item.get("Cancelling")),
        retrying=_round(item.get("Retrying")),
        backfill=backfill_from_map(item.get("Backfill")),
        expires_at=datetime.fromtimestamp(item["ExpiresAt"], tz=UTC),
    )


def _tally(shards: list[Mapping[str, Any]]) -> MemberCounts:
    sums = {name: sum(shard.get(name, 0) for shard in shards) for name in (*COUNTERS.values(), DELETED_COUNTER)}
    last = max((shard["LastAt"] for shard in shards if "LastAt" in shard), default=None)
    return MemberCounts(**{name.lower(): count for name, count in sums.items()}, last_at=_moment(last))


def _pipeline(text: str | None) -> Pipeline | None:
    try:
        return None if text is None else Pipeline.model_validate_json(text)
    except ValidationError:
        return None


def _round(written: Mapping[str, str] | None) -> MemberScan | None:
    return None if written is None else MemberScan(started_at=from_iso(written["StartedAt"]), after=written["After"])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_iso(text)
