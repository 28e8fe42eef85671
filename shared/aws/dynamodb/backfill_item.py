"""A backfill as a part of its batch's item, and back."""

from collections.abc import Mapping
from typing import Any

from shared.clock import from_iso, to_iso
from shared.jobs.backfill import Backfill, BackfillFilter
from shared.jobs.job import JobStatus


def backfill_to_map(backfill: Backfill) -> dict[str, Any]:
    """Write the query and how far it is done."""
    wanted = backfill.filter
    written = {
        "Status": wanted.status.value if wanted.status else None,
        "BatchID": wanted.batch_id,
        "Since": to_iso(wanted.since) if wanted.since else None,
        "Until": to_iso(wanted.until) if wanted.until else None,
        "Preset": wanted.preset,
        "PresetVersion": wanted.preset_version,
        "Format": wanted.format,
        "Copies": wanted.copies or None,
        "Before": backfill.before,
        "Skipped": backfill.skipped,
        "Complete": backfill.complete,
    }
    return {name: value for name, value in written.items() if value is not None}


def backfill_from_map(written: Mapping[str, Any] | None) -> Backfill | None:
    """Read it back; None where the batch is none."""
    if written is None:
        return None
    return Backfill(
        filter=BackfillFilter(
            status=JobStatus(written["Status"]) if "Status" in written else None,
            batch_id=written.get("BatchID"),
            since=from_iso(written["Since"]) if "Since" in written else None,
            until=from_iso(written["Until"]) if "Until" in written else None,
            preset=written.get("Preset"),
            preset_version=written.get("PresetVersion"),
            format=written.get("Format"),
            copies=written.get("Copies", False),
        ),
        before=written["Before"],
        skipped=written["Skipped"],
        complete=written["Complete"],
    )
