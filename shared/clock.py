"""Timestamps: UTC, ISO 8601, with milliseconds and ``Z``.

All timestamps have the same length, so they sort by time as text. The index ``Open`` needs this.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time, truncated to milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def to_iso(moment: datetime) -> str:
    """Format a time as ``2026-11-22T16:34:00.123Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """Parse an ISO 8601 timestamp. Raises ValueError if the text is not a timestamp."""
    return datetime.fromisoformat(text)
