"""Name and color space of an ICC profile (ICC.1:2022), read without the color library."""

import codecs
import struct
from typing import Final

from worker.imaging.facts.texts import clean_text

_TAG_TABLE: Final = 128
_MAX_TAGS: Final = 200
#: Loaded with this module, because a child can't import it after its confinement.
_decode_utf_16: Final = codecs.lookup("utf-16-be").decode
_SPACES: Final = {b"RGB ": "RGB", b"GRAY": "gray", b"CMYK": "CMYK", b"Lab ": "Lab", b"XYZ ": "XYZ"}


def read_space(profile: bytes) -> str | None:
    """Return the color space of the image data, or None if it is unknown."""
    return _SPACES.get(profile[16:20])


def read_name(profile: bytes) -> str | None:
    """Return the description of a profile, or None if it can't be read."""
    try:
        (count,) = struct.unpack_from(">I", profile, _TAG_TABLE)
        for entry in range(min(count, _MAX_TAGS)):
            kind, start, size = struct.unpack_from(">4sII", profile, _TAG_TABLE + 4 + 12 * entry)
            if kind == b"desc":
                return _read_text(profile[start : start + size])
    except struct.error:
        pass
    return None


def _read_text(tag: bytes) -> str | None:
    """Return the text of a ``desc`` (version 2) or ``mluc`` tag: the first language."""
    if tag.startswith(b"desc"):
        (size,) = struct.unpack_from(">I", tag, 8)
        return clean_text(tag[12 : 12 + size].split(b"\0")[0])
    if tag.startswith(b"mluc"):
        size, start = struct.unpack_from(">II", tag, 20)
        return clean_text(_decode_utf_16(tag[start : start + min(size, 2048)], "replace")[0])
    return None
