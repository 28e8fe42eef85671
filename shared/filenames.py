"""File names as data: cleaned for display and download, never used in an object key."""

import re
import unicodedata
from urllib.parse import quote

#: Longest name, UTF-8 bytes: the limit of common file systems.
MAX_BYTES = 255

# Categories: control, format (bidi marks, zero width …), surrogate, private use, line and paragraph separators.
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Joiners that make one emoji of several are kept.
_KEPT = frozenset({"\u200d", "\ufe0f"})


def clean_filename(name: str) -> str | None:
    """Return the last path part, NFC, without control and bidi characters, or None if nothing is left."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(
        character
        for character in unicodedata.normalize("NFC", last)
        if character in _KEPT or unicodedata.category(character) not in _UNWANTED
    ).strip()
    shortened = _shorten(kept)
    return None if shortened.strip(". ") == "" else shortened


def replace_extension(name: str, extension: str) -> str:
    """Put another extension on a name: ``holiday.jpeg`` becomes ``holiday.png``."""
    stem, dot, old = name.rpartition(".")
    base = stem if dot and stem and 1 <= len(old) <= 5 else name
    return f"{base}.{extension}"


def content_disposition(name: str) -> str:
    """Write an ``attachment`` header value for a name: RFC 6266 with an ASCII fallback."""
    ascii_name = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def _shorten(name: str) -> str:
    """Cut in the middle, so that the extension stays."""
    data = name.encode()
    if len(data) <= MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = dot + extension if dot and len(extension) <= 16 else ""
    room = MAX_BYTES - len(tail.encode())
    head = (stem if tail else name).encode()[:room].decode(errors="ignore")
    return head + tail
