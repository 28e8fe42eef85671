"""Job IDs: ULIDs, ordered by time and, with 80 random bits, not to be guessed."""

import re
from datetime import UTC, datetime

from ulid import ULID

# Crockford's alphabet; the first character carries 3 bits only (https://github.com/ulid/spec).
ID_PATTERN = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
_SHAPE = re.compile(ID_PATTERN)


def new_id() -> str:
    """Make a new ID, 26 characters."""
    return str(ULID())


def is_id(text: str) -> bool:
    """Tell whether a text has the shape of an ID."""
    return _SHAPE.fullmatch(text) is not None


def first_id_at(moment: datetime) -> str:
    """Return the smallest ID that can be made at this moment: the bound of a listing by time.

    Raises OverflowError for a moment before 1970 or one that 48 bits of milliseconds can't hold.
    """
    milliseconds = int(moment.astimezone(UTC).timestamp() * 1000)
    return str(ULID.from_bytes(milliseconds.to_bytes(6, "big") + bytes(10)))
