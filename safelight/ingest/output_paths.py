"""Paths of results below the output folder: the structure of the source, sanitized and without collisions."""

import re
import unicodedata

from safelight.downloads import safe_part, safe_stem

UNNAMED = "picture"


def make_output_path(relative: str) -> str:
    """Return folder and stem of a result: ``a/b.jpg`` becomes ``a/b``.

    No part is empty, hidden or ``..``, whatever the name.
    """
    *folders, name = re.split(r"[/\\]", relative)
    parts = [safe for folder in folders if (safe := safe_part(folder))]
    return "/".join([*parts, safe_stem(name) or UNNAMED])


def make_collision_key(path: str) -> str:
    """Return a key that is equal for paths that some file systems treat as one: case-folded and normalized."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
