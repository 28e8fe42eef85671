"""Job IDs: ULIDs, ordered by time and, with 80 random bits, not to be guessed."""

import re
import secrets
from datetime import UTC, datetime, timedelta

from ulid import ULID

# Crockford's alphabet; the first character carries 3 bits only (https://github.com/ulid/spec).
ID_PATTERN = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
_SHAPE = re.compile(ID_PATTERN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(moment: datetime) -> str:
    """Make a new ID of 26 characters that tells this moment, to the millisecond."""
    return str(ULID.from_bytes(_milliseconds(moment) + secrets.token_bytes(10)))


def is_id(text: str) -> bool:
    """Tell whether a text has the shape of an ID."""
    return _SHAPE.fullmatch(text) is not None


def first_id_at(moment: datetime) -> str:
    """Return the smallest ID that can be made at this moment: the bound of a listing by time.

    Raises OverflowError for a moment before 1970 or one that 48 bits of milliseconds can't hold.
    """
    return str(ULID.from_bytes(_milliseconds(moment) + bytes(10)))


def _milliseconds(moment: datetime) -> bytes:
    # Whole numbers throughout: a float of seconds is off by one for some milliseconds.
    return ((moment - _EPOCH) // timedelta(milliseconds=1)).to_bytes(6, "big")
