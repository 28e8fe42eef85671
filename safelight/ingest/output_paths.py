"""Where results go below the folder for results: the source's structure, made safe and without collisions."""

import re
import unicodedata

from safelight.file_names import safe_part, safe_stem

UNNAMED = "picture"


def target(relative: str) -> str:
    """Return folder and stem of a result: ``a/b.jpg`` becomes ``a/b``.

    No part is empty, hidden or leads upwards, whatever the name.
    """
    *folders, name = re.split(r"[/\\]", relative)
    parts = [safe for folder in folders if (safe := safe_part(folder))]
    return "/".join([*parts, safe_stem(name) or UNNAMED])


def collision_key(path: str) -> str:
    """Return what two paths share that are one file on some disk: without case, in one normal form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
