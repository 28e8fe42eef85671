"""Conditional requests: ``If-Match`` and ``If-None-Match`` (RFC 9110, section 13)."""

import re
from typing import Final

from shared.errors import FieldError, InvalidRequest

_VERSION_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')
#: An entity tag (RFC 9110, 8.8.3). It may contain commas.
_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def version_tag(version: int) -> str:
    """Return the entity tag of a preset's version."""
    return f'"{version}"'


def expected_version(if_match: str | None, if_none_match: str | None) -> int | None:
    """Return the version that a write requires: None for any version, 0 if the preset must not exist.

    Raises InvalidRequest if both headers are given, or if the header does not name exactly one version.
    """
    if if_match is not None and if_none_match is not None:
        raise _header_error("If-Match", "can't be combined with If-None-Match")
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise _header_error("If-None-Match", 'must be "*" on a write')
        return 0
    if if_match is None:
        return None
    tag = _VERSION_TAG.fullmatch(if_match.strip())
    if tag is None or not tag[1].isdecimal() or not 1 <= int(tag[1]) < 10**9:
        raise _header_error("If-Match", "must be the ETag of one version")
    return int(tag[1])


def matches_any(tag: str, if_none_match: str | None) -> bool:
    """Return True if ``If-None-Match`` matches the entity tag of an existing resource.

    The header is ``*`` or a list of tags. The comparison is weak (RFC 9110, 8.8.3.2 and 13.1.2).
    """
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(if_none_match)


def _header_error(header: str, why: str) -> InvalidRequest:
    return InvalidRequest(errors=(FieldError(f"/{header}", why),))
