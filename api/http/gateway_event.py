"""The event of API Gateway, as the routes read it.

API Gateway reports two paths. Below a stage, ``path`` is that of the API (``/v1/jobs``), and ``requestContext.path``
begins with the stage. Below a custom domain name with a base path mapping, both begin with the base path. Only the path
parameter ``proxy`` never contains it.

Of several header fields with one name, ``headers`` has only the last one. ``multiValueHeaders`` has them all.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote


def normalize_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with the path of the API and with one complete value per header field."""
    headers = _combine_headers(event)
    several = {name: [value] for name, value in headers.items()}
    return {**event, "path": _remove_base_path(event), "headers": headers, "multiValueHeaders": several}


def split_path(path: object) -> list[str]:
    """Return the segments of a path that are not empty."""
    return [part for part in str(path or "").split("/") if part]


def _remove_base_path(event: Mapping[str, Any]) -> str:
    """Return the path of a request without the base path of a custom domain name."""
    path = str(event.get("path") or "")
    inside = [] if event.get("resource") == "/" else split_path((event.get("pathParameters") or {}).get("proxy"))
    if not inside and event.get("resource") != "/":
        return path  # This gateway does not report the path parameter, and has no base paths.
    parts = split_path(path)
    before = len(parts) - len(inside)
    # The path parameter may be decoded and the path not.
    if before <= 0 or [unquote(part) for part in parts[before:]] != [unquote(part) for part in inside]:
        return path
    return "/" + "/".join(parts[before:]) + ("/" if path.endswith("/") and inside else "")


def _combine_headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the header fields by name. Several fields with one name become one list (RFC 9110, section 5.3)."""
    several: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    return {**(event.get("headers") or {}), **{name: ", ".join(values) for name, values in several.items()}}
