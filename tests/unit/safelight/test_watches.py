"""Watches through the client and its command."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import Result

from safelight.client import Safelight

Invoke = Callable[..., Result]
WATCH = {
    "id": "01JD9ZK8V4M2Q6X3T5R7W9Y1AB",
    "state": "active",
    "prefix": {"source": "s3://shop/in/", "include": []},
    "batch": "day",
    "counts": {"jobs": 7, "skipped": 1},
    "examples": [{"key": "in/large.tif", "code": "TOO_MANY_BYTES"}],
    "caught_up_at": "2026-11-22T12:15:00.000Z",
    "error": {"code": "SOURCE_FORBIDDEN", "message": "Not allowed.", "retriable": False},
    "tags": {},
}


def test_a_watch_is_created_with_what_was_given(client: Safelight, api: Any) -> None:
    """Nothing else is sent, so the API's defaults apply. A retry creates no second watch."""
    api.answers = [httpx.Response(201, json=WATCH), httpx.Response(201, json=WATCH)]
    made = client.watches.create("s3://shop/in/", include=["*.jpg"], preset="web", existing=True, tags={"user": "42"})
    client.watches.create("s3://shop/in/", options={"width": 300}, idempotency_key="once")
    assert (made.counts.jobs, made.counts.skipped, made.prefix.source) == (7, 1, "s3://shop/in/")
    assert [json.loads(body) for body in api.bodies] == [
        {
            "prefix": {"source": "s3://shop/in/", "include": ["*.jpg"]},
            "existing": True,
            "preset": "web",
            "tags": {"user": "42"},
        },
        {"prefix": {"source": "s3://shop/in/", "include": []}, "width": 300},
    ]
    first, second = (request.headers["Idempotency-Key"] for request in api.requests)
    assert first
    assert second == "once"


def test_the_command_creates_a_watch(invoke: Invoke, api: Any) -> None:
    """And prints it as one line, or as JSON."""
    api.answers = [httpx.Response(201, json=WATCH), httpx.Response(201, json=WATCH)]
    given = (
        "watches",
        "create",
        "s3://shop/in/",
        "--preset",
        "web",
        "--group-by",
        "prefix",
        "--existing",
        "--tag",
        "a=b",
    )
    shown = invoke(*given)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.rstrip("\n").split("\t")[:5] == [WATCH["id"], "active", "s3://shop/in/", "7", "1"]
    sent = {"preset": "web", "batch": "prefix", "existing": True, "tags": {"a": "b"}}
    assert json.loads(api.bodies[0]).items() >= sent.items()
    assert json.loads(invoke(*given, "--json").stdout).items() >= WATCH.items()


@pytest.mark.parametrize(
    ("action", "method", "path"),
    [("pause", "POST", "/pause"), ("resume", "POST", "/resume"), ("delete", "DELETE", ""), ("show", "GET", "")],
)
def test_the_command_changes_a_watch(invoke: Invoke, api: Any, action: str, method: str, path: str) -> None:
    """With one request."""
    api.answers = [httpx.Response(204) if action == "delete" else httpx.Response(200, json=WATCH)]
    shown = invoke("watches", action, str(WATCH["id"]))
    assert shown.exit_code == 0, shown.output
    (request,) = api.requests
    assert (request.method, request.url.path) == (method, f"/v1/watches/{WATCH['id']}{path}")
    assert str(WATCH["id"]) in shown.stdout


def test_the_command_shows_what_was_skipped(invoke: Invoke, api: Any) -> None:
    """And why the objects can't be listed."""
    api.answers = [httpx.Response(200, json=WATCH), httpx.Response(200, json={"watches": [WATCH]})]
    shown = invoke("watches", "show", str(WATCH["id"])).stdout
    assert "in/large.tif (TOO_MANY_BYTES)" in shown
    assert "SOURCE_FORBIDDEN: Not allowed." in shown
    assert invoke("watches", "list").stdout.startswith(str(WATCH["id"]))
