"""CORS (Fetch standard): which web pages from other origins may call the API and read its responses.

The API uses no cookies: a web page must know the credentials to send them in a header. CORS mainly protects an API
without authentication inside a private network. Without CORS, any web page that a user there visits could call it.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

ANY: Final = "*"
ACCEPTED: Final = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Api-Key"
EXPOSED: Final = (
    "ETag, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After,"
    " WWW-Authenticate, X-Request-Id"
)
METHODS: Final = "DELETE, GET, HEAD, POST, PUT"
#: How long a browser may cache a preflight response. Chromium allows no more.
MAX_AGE_SECONDS: Final = 7200


def is_preflight(event: Mapping[str, Any]) -> bool:
    """Return True if the request is a CORS preflight."""
    return event.get("httpMethod") == "OPTIONS" and bool(_header(event, "access-control-request-method"))


def preflight_response(event: Mapping[str, Any], origins: str) -> dict[str, Any]:
    """Return the 204 response to a preflight. ``origins`` are the allowed origins, separated by commas."""
    headers = cors_headers(event, origins)
    if "Access-Control-Allow-Origin" in headers:
        headers |= {
            "Access-Control-Allow-Methods": [METHODS],
            "Access-Control-Allow-Headers": [ACCEPTED],
            "Access-Control-Max-Age": [str(MAX_AGE_SECONDS)],
        }
    return {"statusCode": HTTPStatus.NO_CONTENT, "body": "", "isBase64Encoded": False, "multiValueHeaders": headers}


def cors_headers(event: Mapping[str, Any], origins: str) -> dict[str, list[str]]:
    """Return the headers that let web pages from the allowed ``origins`` read a response."""
    allowed = {each.strip() for each in origins.split(",")} - {""}
    if not allowed:
        return {}
    # Caches must store one response per origin, also for origins that are not allowed.
    headers = {"Vary": ["Origin"]}
    origin = _header(event, "origin")
    if origin and (origin in allowed or ANY in allowed):
        headers |= {"Access-Control-Allow-Origin": [origin], "Access-Control-Expose-Headers": [EXPOSED]}
    return headers


def add_headers(headers: dict[str, list[str]], added: Mapping[str, list[str]]) -> None:
    """Add header fields to those of a response. ``Vary`` keeps the names that it has."""
    vary = [*headers.get("Vary", []), *added.get("Vary", [])]
    headers |= added
    if vary:
        headers["Vary"] = [", ".join(dict.fromkeys(vary))]


def _header(event: Mapping[str, Any], name: str) -> str:
    headers: Mapping[str, str] = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), "")
