"""The event of API Gateway, as the routes read it.

API Gateway reports two paths. Below a stage, ``path`` is that of the API (``/v1/jobs``), and ``requestContext.path``
begins with the stage. Below a custom domain name with a base path mapping, both begin with the base path. Only the path
parameter ``proxy`` never contains it.

Requests with upload tokens arrive under ``/token``, where the gateway checks no credentials. The path parameter does
not contain this part either, so the routes see the same path as for other requests.

Of several header fields with one name, ``headers`` has only the last one. ``multiValueHeaders`` has them all.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

#: The part of the path under which the gateway checks no credentials.
OPEN_PATH: Final = "/token"
#: Members of a normalized event that the gateway never sends: whether the request arrived under ``OPEN_PATH``, whether
#: its method is HEAD, and the upload token of the request, once it is verified.
IS_OPEN: Final = "safelightIsOpen"
IS_HEAD: Final = "safelightIsHead"
GRANT: Final = "safelightGrant"


def normalize_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with the path of the API and with one complete value per header field.

    A request with the method HEAD gets the response of GET, whose body the gateway does not send.
    """
    headers = _combine_headers(event)
    several = {name: [value] for name, value in headers.items()}
    path, is_open = _remove_base_path(event), _is_open(event)
    if is_open:
        path = path.removeprefix(OPEN_PATH) or "/"
    has_head = str(event.get("httpMethod")).upper() == "HEAD"
    method = {"httpMethod": "GET"} if has_head else {}
    known = {"path": path, "headers": headers, "multiValueHeaders": several}
    return {**event, **known, **method, IS_OPEN: is_open, IS_HEAD: has_head, GRANT: None}


def is_head(event: BaseProxyEvent) -> bool:
    """Return True if the method of a request was HEAD. The normalized event then has GET."""
    return bool(event.raw_event[IS_HEAD])


def _is_open(event: Mapping[str, Any]) -> bool:
    """Return True if the gateway has checked no credentials, because of the resource that the request has reached.

    The resource decides, not the path, which may contain dots and escapes. A gateway without resources has checked
    nothing, so there the path decides.
    """
    resource = str(event.get("resource") or event.get("path") or "")
    return resource == OPEN_PATH or resource.startswith(f"{OPEN_PATH}/")


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
