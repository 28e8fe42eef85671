"""Output paths of an ingest. They have the folder structure of the source, are sanitized, and do not collide."""

import re
import unicodedata

from safelight.downloads import safe_part, safe_stem

UNNAMED = "picture"


def make_output_path(relative: str) -> str:
    """Return the output path of an image, without an extension: ``a/b.jpg`` becomes ``a/b``.

    No part of the path is empty, hidden or ``..``, even if the source has such parts.
    """
    *folders, name = re.split(r"[/\\]", relative)
    parts = [safe for folder in folders if (safe := safe_part(folder))]
    return "/".join([*parts, safe_stem(name) or UNNAMED])


def make_collision_key(path: str) -> str:
    """Return a key that is the same for all paths that some file systems treat as the same path.

    The key is case-folded and normalized.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
