"""Time as Safelight writes it: UTC, ISO 8601, milliseconds, ``Z``.

The fixed width makes the texts sort as the moments do, which the table's ``Open`` index relies on.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment, cut to the milliseconds that are stored."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def to_iso(moment: datetime) -> str:
    """Write a moment as ``2026-11-22T16:34:00.123Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """Read what :func:`to_iso` wrote. Raises ``ValueError`` for anything that is no ISO 8601 moment."""
    return datetime.fromisoformat(text)
