"""Job IDs: ULIDs, which sort by time and have 80 random bits."""

import re
import secrets
from datetime import UTC, datetime, timedelta

from ulid import ULID

# Crockford's alphabet. The first character has only 3 bits (https://github.com/ulid/spec).
ID_PATTERN = r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
_SHAPE = re.compile(ID_PATTERN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(moment: datetime) -> str:
    """Return a new ID of 26 characters. Its first part is the time in milliseconds."""
    return str(ULID.from_bytes(_milliseconds(moment) + secrets.token_bytes(10)))


def is_id(text: str) -> bool:
    """Return True if a text has the form of an ID."""
    return _SHAPE.fullmatch(text) is not None


def first_id_at(moment: datetime) -> str:
    """Return the smallest ID of a time, for listings by time.

    Raises OverflowError if the time is before 1970 or its milliseconds do not fit into 48 bits.
    """
    return str(ULID.from_bytes(_milliseconds(moment) + bytes(10)))


def _milliseconds(moment: datetime) -> bytes:
    # Integer arithmetic: a float of seconds is off by one for some milliseconds.
    return ((moment - _EPOCH) // timedelta(milliseconds=1)).to_bytes(6, "big")
