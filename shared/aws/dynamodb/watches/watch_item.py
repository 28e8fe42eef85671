"""Conversion between a watch and its items in the ``Batches`` table.

All items with the ID ``watch#…`` belong to one watch: the part ``watch`` is the watch itself, the parts ``skipped#…``
are objects that can't become a job, and ``batch#…`` its open batches. Those with the ID ``marks#…`` are its marks. They
have an ID of their own, because there can be millions of them, and the embedded engine reads all items of an ID for
each query. The items with the ID ``watches`` are a directory of all watches by bucket.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.aws.dynamodb.batch_item import batch_key
from shared.aws.dynamodb.job_item import failure_from_map, failure_to_map, spec_from_item, spec_to_item
from shared.aws.dynamodb.wire import Item, drop_none, from_optional_iso, to_optional_iso
from shared.clock import from_iso, to_iso
from shared.jobs.watch import CatchUp, Grouping, Watch

#: ``ID`` of the directory. It is no ULID, so no batch has it.
DIRECTORY: Final = "watches"
WATCH_PART: Final = "watch"
SKIPPED, BATCH = "skipped#", "batch#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A watch in the directory: what an event is compared with."""

    id: str
    owner: str
    bucket: str
    prefix: str


def watch_id_key(watch_id: str) -> str:
    """Return the ``ID`` of all items of a watch."""
    return f"watch#{watch_id}"


def watch_key(watch_id: str, part: str = WATCH_PART) -> dict[str, Any]:
    """Return the primary key of one item of a watch."""
    return batch_key(watch_id_key(watch_id), part)


def marks_id_key(watch_id: str) -> str:
    """Return the ``ID`` of all marks of a watch."""
    return f"marks#{watch_id}"


def mark_key(watch_id: str, mark: str) -> dict[str, Any]:
    """Return the primary key of a mark of a watch."""
    return batch_key(marks_id_key(watch_id), mark)


def entry_key(bucket: str, watch_id: str = "") -> dict[str, Any]:
    """Return the primary key of a watch in the directory, or that of a bucket's revision."""
    return batch_key(DIRECTORY, f"{bucket}/{watch_id}")


def entry_from_item(item: Mapping[str, Any]) -> Entry:
    """Return an entry of the directory."""
    bucket, _, watch_id = str(item["Part"]).partition("/")
    return Entry(id=watch_id, owner=item["WatchOwner"], bucket=bucket, prefix=item["Prefix"])


def to_watch_item(watch: Watch) -> Item:
    """Return a watch as an item. The attribute is not called Owner, because the index ByOwner must not contain it."""
    return drop_none(
        {
            "ID": watch_id_key(watch.id),
            "Part": WATCH_PART,
            "WatchOwner": watch.owner,
            "Bucket": watch.bucket,
            "Prefix": watch.prefix,
            "Include": list(watch.include),
            "Grouping": watch.grouping.value,
            **spec_to_item(watch),
            "CreatedAt": to_iso(watch.created_at),
            "Since": to_optional_iso(watch.since),
            "PausedAt": to_optional_iso(watch.paused_at),
            "Jobs": watch.jobs,
            "Skipped": watch.skipped,
            "CatchUp": catch_up_to_map(watch.catch_up) if watch.catch_up else None,
            "CaughtUpAt": to_optional_iso(watch.caught_up_at),
            "FullyCaughtUpAt": to_optional_iso(watch.fully_caught_up_at),
            "WalkError": failure_to_map(watch.error) if watch.error else None,
        }
    )


def from_watch_item(item: Mapping[str, Any]) -> Watch:
    """Return the watch that an item holds."""
    return Watch(
        id=str(item["ID"]).removeprefix(watch_id_key("")),
        owner=item["WatchOwner"],
        bucket=item["Bucket"],
        prefix=item["Prefix"],
        include=tuple(item["Include"]),
        grouping=Grouping(item["Grouping"]),
        **spec_from_item(item).spec_fields(),
        created_at=from_iso(item["CreatedAt"]),
        since=from_optional_iso(item.get("Since")),
        paused_at=from_optional_iso(item.get("PausedAt")),
        jobs=item["Jobs"],
        skipped=item["Skipped"],
        catch_up=_catch_up(item["CatchUp"]) if "CatchUp" in item else None,
        caught_up_at=from_optional_iso(item.get("CaughtUpAt")),
        fully_caught_up_at=from_optional_iso(item.get("FullyCaughtUpAt")),
        error=failure_from_map(item["WalkError"]) if "WalkError" in item else None,
    )


def catch_up_to_map(catch_up: CatchUp) -> dict[str, Any]:
    """Return the position of a catch-up as a map."""
    return {
        "StartedAt": to_iso(catch_up.started_at),
        "Full": catch_up.is_full,
        "Key": catch_up.after_key,
        "Version": catch_up.after_version,
    }


def _catch_up(stored: Mapping[str, Any]) -> CatchUp:
    return CatchUp(
        started_at=from_iso(stored["StartedAt"]),
        is_full=stored["Full"],
        after_key=stored["Key"],
        after_version=stored["Version"],
    )
