"""Cursors of listings. Clients must not interpret them.

A cursor contains the ID before which, or the position after which, the next page starts.
"""

import base64
import binascii

from shared.errors import BadCursor
from shared.ids import is_id

_VERSION = b"1"
_POSITION = b"2"


def encode_cursor(before_id: str) -> str:
    """Return the cursor for an ID. It is encoded so that clients do not rely on its content."""
    return base64.urlsafe_b64encode(_VERSION + before_id.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Return the ID in a cursor. Raises BadCursor if the cursor is not from :func:`encode_cursor`."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        before_id = data.removeprefix(_VERSION).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    if not data.startswith(_VERSION) or not is_id(before_id):
        raise BadCursor
    return before_id


def encode_position(position: str) -> str:
    """Return the cursor for a position in an index."""
    return base64.urlsafe_b64encode(_POSITION + position.encode()).decode().rstrip("=")


def decode_position(cursor: str, prefixes: tuple[str, ...]) -> str:
    """Return the position in a cursor. Raises BadCursor unless the position starts with one of the prefixes."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = data.removeprefix(_POSITION).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    if (
        not data.startswith(_POSITION)
        or not position.startswith(prefixes)
        or not position.isprintable()
        or len(position) > 1024
    ):
        raise BadCursor
    return position
