"""The cursor of a listing: opaque to the client; to us an ID to go on before, or a place to go on after."""

import base64
import binascii

from shared.errors import BadCursor
from shared.ids import is_id

_VERSION = b"1"
_PLACE = b"2"


def encode_cursor(before_id: str) -> str:
    """Wrap an ID, so that nobody comes to rely on what is in it."""
    return base64.urlsafe_b64encode(_VERSION + before_id.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Unwrap it. Raises BadCursor for what :func:`encode_cursor` did not make."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        before_id = data.removeprefix(_VERSION).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    if not data.startswith(_VERSION) or not is_id(before_id):
        raise BadCursor
    return before_id


def encode_position(place: str) -> str:
    """Wrap a place in an order."""
    return base64.urlsafe_b64encode(_PLACE + place.encode()).decode().rstrip("=")


def decode_position(cursor: str, kinds: tuple[str, ...]) -> str:
    """Unwrap it. Raises BadCursor for what :func:`encode_place` did not make, or not of one of these kinds."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = data.removeprefix(_PLACE).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    if not data.startswith(_PLACE) or not place.startswith(kinds) or not place.isprintable() or len(place) > 1024:
        raise BadCursor
    return place
