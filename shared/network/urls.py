"""URLs that callers choose: which of them this deployment uses."""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.network.public_addresses import is_internal_literal

MAX_URL: Final = 2048
_HOST = re.compile(r"^[A-Za-z0-9.:_-]+$")


def find_url_problem(url: str, *, allow_internal: bool) -> str | None:
    """Return what is wrong with a URL, or None if it may be used.

    ``allow_internal`` permits plain HTTP, any port and internal addresses, for local development. The address that a
    host name resolves to is not checked here: it may change, so every connection checks it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if problem := _malformed(url, parts):
        return problem
    if allow_internal:
        return None if parts.scheme in {"http", "https"} else "must begin with http:// or https://"
    if parts.scheme != "https":
        return "must begin with https://"
    if port not in {None, 443}:
        return "must use port 443"
    return "has an internal address" if is_internal_literal(parts.hostname or "") else None


def _malformed(url: str, parts: SplitResult) -> str | None:
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be printable ASCII without spaces"
    if len(url) > MAX_URL:
        return f"must have at most {MAX_URL} characters"
    if not parts.hostname or not _HOST.match(parts.hostname):
        return "has no host"
    if parts.port == 0:
        return "has the port 0, which no server has"
    if parts.username is not None or parts.password is not None:
        return "must not contain credentials"
    return "must not have a fragment" if parts.fragment else None
