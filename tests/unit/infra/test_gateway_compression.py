"""Compressed responses of the embedded engine."""

import asyncio
import gzip
from types import SimpleNamespace
from typing import Any

import pytest

from infra.engines.patches import gateway_compression
from infra.engines.patches.gateway_compression import accepts_gzip

BODY = b"x" * 100


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("gzip; q=0.0", False),
        ("br", False),
        ("", False),
        (None, False),
    ],
)
def test_the_header_decides(header: str | None, is_accepted: bool) -> None:
    """A weight of 0 means that the coding is not acceptable."""
    assert accepts_gzip(header) is is_accepted


def respond(headers: dict[str, str], minimum: int | None, accept: str = "gzip") -> tuple[int, dict[str, Any], bytes]:
    """Return the patched gateway's response to a request for 100 bytes."""

    async def invoke(*_: Any, **__: Any) -> Any:
        return 200, headers, BODY

    apis = SimpleNamespace(get_scoped=lambda *_: {"minimumCompressionSize": minimum})
    gateway = SimpleNamespace(_invoke_lambda_proxy_v1=invoke, _rest_apis=apis)
    gateway_compression.install(gateway)
    given: tuple[Any, ...] = ({}, "api", "prod", {}, {}, "/v1", "GET", {"accept-encoding": accept})
    response: tuple[int, dict[str, Any], bytes] = asyncio.run(
        gateway._invoke_lambda_proxy_v1(*given, owner_account_id="1", owner_region="r")
    )
    return response


def test_a_large_response_is_compressed() -> None:
    """Without its old length."""
    status, headers, body = respond({"Content-Type": "application/json", "Content-Length": "100"}, 100)
    assert (status, headers) == (200, {"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert gzip.decompress(body) == BODY


@pytest.mark.parametrize(
    ("headers", "minimum", "accept"),
    [({}, 101, "gzip"), ({}, None, "gzip"), ({}, 100, "br"), ({"content-encoding": "br"}, 100, "gzip")],
)
def test_other_responses_stay(headers: dict[str, str], minimum: int | None, accept: str) -> None:
    """Small ones, ones of an API without compression, and ones that are encoded or that the caller can't read so."""
    assert respond(headers, minimum, accept) == (200, headers, BODY)
