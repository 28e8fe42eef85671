"""Texts from metadata, which anybody can write."""

from shared.pipeline.facts import MAX_TEXT

#: Bytes per character of UTF-8.
_MAX_WIDTH = 4


def clean_text(value: bytes | str, limit: int = MAX_TEXT) -> str | None:
    """Return a text without control characters, with single spaces and at most ``limit`` characters.

    Bytes are UTF-8 or, if they are not, Latin-1. Return None if nothing is left.
    """
    text = value if isinstance(value, str) else _decode(value[: _MAX_WIDTH * limit])
    text = text[: _MAX_WIDTH * limit]
    visible = "".join(each if each.isprintable() else " " if each.isspace() else "" for each in text)
    return " ".join(visible.split())[:limit].strip() or None


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        # A text that is cut off within a character loses this character.
        if error.end == len(value) and error.start > 0 and error.reason == "unexpected end of data":
            return value[: error.start].decode()
        return value.decode("latin-1")
