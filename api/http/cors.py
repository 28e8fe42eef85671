"""Which pages of another origin may call the API, and what they may read of its answers (Fetch standard, CORS).

No cookie counts here: credentials travel in headers that a page must have been given. So what this guards is
an API without authorization, which any page that its user visits could otherwise use from within their network.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

ANY: Final = "*"
ACCEPTED: Final = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Api-Key"
EXPOSED: Final = "ETag, Idempotency-Replayed, Link, Location, Preference-Applied, Retry-After, X-Request-Id"
METHODS: Final = "DELETE, GET, HEAD, POST, PUT"
#: How long a browser may remember the answer to a preflight; Chromium takes no longer.
REMEMBERED_SECONDS: Final = 7200


def is_preflight(event: Mapping[str, Any]) -> bool:
    """Tell whether a browser only asks if it may."""
    return event.get("httpMethod") == "OPTIONS" and bool(_header(event, "access-control-request-method"))


def preflight_response(event: Mapping[str, Any], origins: str) -> dict[str, Any]:
    """Answer a preflight: 204, with permission only for the origins that are listed (commas between them)."""
    headers = cors_headers(event, origins)
    if "Access-Control-Allow-Origin" in headers:
        headers |= {
            "Access-Control-Allow-Methods": [METHODS],
            "Access-Control-Allow-Headers": [ACCEPTED],
            "Access-Control-Max-Age": [str(REMEMBERED_SECONDS)],
        }
    return {"statusCode": HTTPStatus.NO_CONTENT, "body": "", "isBase64Encoded": False, "multiValueHeaders": headers}


def cors_headers(event: Mapping[str, Any], origins: str) -> dict[str, list[str]]:
    """Return the headers that let the page of a listed origin read an answer."""
    allowed = {each.strip() for each in origins.split(",")} - {""}
    if not allowed:
        return {}
    # The answer differs by Origin, so a cache on the way must keep them apart, also for the origin that gets nothing.
    headers = {"Vary": ["Origin"]}
    origin = _header(event, "origin")
    if origin and (origin in allowed or ANY in allowed):
        headers |= {"Access-Control-Allow-Origin": [origin], "Access-Control-Expose-Headers": [EXPOSED]}
    return headers


def _header(event: Mapping[str, Any], name: str) -> str:
    headers: Mapping[str, str] = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), "")
