"""File names for display and download. They are never part of an object key."""

import re
import unicodedata
from urllib.parse import quote

#: Maximum length of a name in UTF-8 bytes. This is the limit of common file systems.
MAX_BYTES = 255

# Unicode categories: control, format (text direction, zero width …), surrogate, private use, line and paragraph
# separators.
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Joiners that combine several emoji into one.
_ALLOWED_FORMAT = frozenset({"\u200d", "\ufe0f"})


def clean_filename(name: str) -> str | None:
    """Return the last part of a path, in NFC and without invisible characters, or None if no name is left."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(
        character
        for character in unicodedata.normalize("NFC", last)
        if character in _ALLOWED_FORMAT or unicodedata.category(character) not in _UNWANTED
    ).strip()
    shortened = _shorten(kept)
    return None if shortened.strip(". ") == "" else shortened


def replace_extension(name: str, extension: str) -> str:
    """Replace the extension of a name: ``holiday.jpeg`` becomes ``holiday.png``."""
    stem, dot, old = name.rpartition(".")
    base = stem if dot and stem and 1 <= len(old) <= 5 else name
    return f"{base}.{extension}"


def match_extension(name: str, extension: str, *others: str) -> str:
    """Return the name with this extension, or unchanged if it has this one or one of the others.

    ``scan.JPEG`` keeps its name as a JPEG file, and ``scan.png`` becomes ``scan.jpg``.
    """
    old = name.rpartition(".")[2].lower()
    return name if old in {extension, *others} and old != name.lower() else replace_extension(name, extension)


def content_disposition(name: str) -> str:
    """Return an ``attachment`` header value for a name (RFC 6266) with an ASCII fallback."""
    ascii_name = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def _shorten(name: str) -> str:
    """Shorten the stem and keep the extension."""
    data = name.encode()
    if len(data) <= MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = dot + extension if dot and len(extension) <= 16 else ""
    limit = MAX_BYTES - len(tail.encode())
    head = (stem if tail else name).encode()[:limit].decode(errors="ignore")
    return head + tail
