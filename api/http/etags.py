"""``If-Match`` and ``If-None-Match`` on what has a version (RFC 9110, section 13)."""

import re
from typing import Final

from shared.errors import FieldError, InvalidRequest

_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')


def version_tag(version: int) -> str:
    """Write a version as an entity tag."""
    return f'"{version}"'


def expected_version(if_match: str | None, if_none_match: str | None) -> int | None:
    """Return the version that a write demands: None for any, 0 for "there is none yet".

    Raises InvalidRequest for what can't be meant: lists, tags of another make, both headers at once.
    """
    if if_match is not None and if_none_match is not None:
        raise _wrong("If-Match", "goes without If-None-Match")
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise _wrong("If-None-Match", 'is "*" on a write')
        return 0
    if if_match is None:
        return None
    tag = _TAG.fullmatch(if_match.strip())
    if tag is None or not tag[1].isdecimal() or not 1 <= int(tag[1]) < 10**9:
        raise _wrong("If-Match", "must be the ETag of a version")
    return int(tag[1])


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Tell whether a reader has this version already."""
    return if_none_match is not None and tag in {each.strip().removeprefix("W/") for each in if_none_match.split(",")}


def _wrong(header: str, why: str) -> InvalidRequest:
    return InvalidRequest(errors=(FieldError(f"/{header}", why),))
