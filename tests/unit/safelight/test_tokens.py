"""Upload tokens through the client and its command."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer import BadParameter
from typer.testing import Result
from unit.safelight.conftest import problem

from safelight.cli.options import parse_duration, parse_size, parse_tags
from safelight.client import Safelight
from safelight.errors import ApiError

Invoke = Callable[..., Result]
TOKEN = {
    "id": "01JD9ZK8V4M2Q6X3T5R7W9Y1AB",
    "state": "ACTIVE",
    "expires_at": "2026-11-22T12:15:00.000Z",
    "max_files": 5,
    "files": 2,
    "max_bytes": 50_000_000,
    "bytes": 1_000_000,
    "origin": None,
    "tags": {},
}
NEW = TOKEN | {"token": "slt_x", "url": "http://api.test/token/v1"}


def test_a_token_is_created_with_what_was_given(client: Safelight, api: Any) -> None:
    """Nothing else is sent, so the API's defaults apply."""
    api.answers = [httpx.Response(201, json=NEW), httpx.Response(201, json=NEW)]
    made = client.tokens.create(preset="web", max_files=5, tags={"user": "42"})
    client.tokens.create(options={"width": 300})
    assert (made.token, made.url) == ("slt_x", "http://api.test/token/v1")
    assert [json.loads(body) for body in api.bodies] == [
        {"preset": "web", "max_files": 5, "tags": {"user": "42"}},
        {"width": 300},
    ]


def test_tokens_are_listed_over_all_pages(client: Safelight, api: Any) -> None:
    """Until there is no cursor."""
    api.answers = [
        httpx.Response(200, json={"tokens": [TOKEN], "next_cursor": "c"}),
        httpx.Response(200, json={"tokens": [TOKEN], "next_cursor": None}),
    ]
    assert [each.state for each in client.tokens.list()] == ["ACTIVE", "ACTIVE"]
    assert "cursor=c" in str(api.requests[1].url)


def test_a_used_up_token_is_not_retried(client: Safelight, api: Any) -> None:
    """It never allows more, although its status is 429."""
    api.answers = [problem(429, "TOKEN_USED_UP", "No.", retriable=False)]
    with pytest.raises(ApiError) as refused:
        client.submit(b"image")
    assert refused.value.code == "TOKEN_USED_UP"
    assert len(api.requests) == 1


def test_the_command_prints_the_token_once(invoke: Invoke, api: Any) -> None:
    """As one line of ID, token and URL, or as JSON."""
    api.answers = [httpx.Response(201, json=NEW), httpx.Response(201, json=NEW)]
    asked = ("tokens", "create", "--preset", "web", "--max-bytes", "50MB", "--expires-in", "15m", "--tag", "user=42")
    shown = invoke(*asked)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.split() == [TOKEN["id"], "slt_x", "http://api.test/token/v1"]
    sent = {"preset": "web", "max_bytes": 50_000_000, "expires_in": 900, "tags": {"user": "42"}}
    assert json.loads(api.bodies[0]) == sent
    assert json.loads(invoke(*asked, "--json").stdout).items() >= NEW.items()


def test_the_command_lists_and_revokes(invoke: Invoke, api: Any) -> None:
    """With the counts of each token."""
    api.answers = [
        httpx.Response(200, json={"tokens": [TOKEN], "next_cursor": None}),
        httpx.Response(200, json=TOKEN | {"state": "REVOKED"}),
    ]
    listed = invoke("tokens", "list")
    assert listed.stdout.rstrip("\n").split("\t")[:3] == [TOKEN["id"], "ACTIVE", "2 of 5"]
    revoked = invoke("tokens", "revoke", str(TOKEN["id"]))
    assert (revoked.exit_code, api.requests[1].method) == (0, "DELETE")
    assert str(TOKEN["id"]) in revoked.stdout


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2H", 7200), ("7d", 604_800), (None, None)]
)
def test_durations_are_parsed(text: str | None, seconds: int | None) -> None:
    """With a unit, or in seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("5000", 5000), ("50MB", 50_000_000), ("2k", 2000), ("1GiB", 1 << 30), ("3 Mi", 3 << 20)]
)
def test_sizes_are_parsed(text: str, size: int) -> None:
    """In units of 1000 or 1024."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "1w", "-5", "1.5h"])
def test_other_durations_and_sizes_are_refused(text: str) -> None:
    """With a message that shows examples."""
    with pytest.raises(BadParameter):
        parse_duration(text)
    with pytest.raises(BadParameter):
        parse_size(text.replace("m", "q"))


@pytest.mark.parametrize("texts", [["a"], ["=x"], ["a=1", "a=2"]])
def test_malformed_tags_are_refused(texts: list[str]) -> None:
    """A value may contain an equals sign."""
    assert parse_tags(["a=b=c"]) == {"a": "b=c"}
    with pytest.raises(BadParameter):
        parse_tags(texts)
