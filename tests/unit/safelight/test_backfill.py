"""The command ``safelight backfill``: it creates all members, shows the progress and can be resumed."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import Result

Invoke = Callable[..., Result]


def batch(total: int, *, complete: bool = False, done: bool = False, **counts: int) -> dict[str, Any]:
    """Return a batch as the API returns it."""
    return {
        "id": "B",
        "closed": complete,
        "done": done,
        "total": total,
        "counts": {"open": total, **counts},
        "backfill": {"complete": complete, "skipped": 0},
    }


def respond_with(*batches: dict[str, Any]) -> list[httpx.Response]:
    """Return the API's responses, the first to the creation of the batch."""
    first, *others = batches
    return [
        httpx.Response(202, json={"batch": first, "items": []}),
        *(httpx.Response(202, json=each) for each in others),
    ]


def test_members_are_requested_until_all_are_created(invoke: Invoke, api: Any) -> None:
    """One request creates the batch, the next ones its members. Without --wait, no polling follows."""
    api.answers = respond_with(batch(0), batch(50), batch(70, complete=True))
    result = invoke("backfill", "--preset", "web", "--since", "2026-11-01", "--no-wait")
    assert result.exit_code == 0
    assert json.loads(api.bodies[0]) == {
        "preset": "web",
        "backfill": {"status": "COMPLETED", "since": "2026-11-01"},
    }
    assert [request.url.path for request in api.requests[1:]] == ["/v1/batches/B/backfill"] * 2
    assert result.stdout == "B\t70 created\t70 open\n"


def test_status_any_selects_every_status(invoke: Invoke, api: Any) -> None:
    """ANY is sent as null."""
    api.answers = respond_with(batch(0, complete=True))
    assert invoke("backfill", "--preset", "web", "--status", "any", "--no-wait").exit_code == 0
    assert json.loads(api.bodies[0])["backfill"] == {"status": None}


def test_exit_code_is_1_with_failed_members(invoke: Invoke, api: Any) -> None:
    """The document has the counts."""
    api.answers = [httpx.Response(200, json=batch(2, complete=True, done=True, open=0, completed=1, failed=1))]
    result = invoke("backfill", "--resume", "B", "--json")
    assert (result.exit_code, json.loads(result.stdout)["counts"]["failed"]) == (1, 1)


def test_ctrl_c_shows_how_to_resume(invoke: Invoke, api: Any) -> None:
    """The exit code is 130."""
    api.answers = [*respond_with(batch(0), batch(50)), KeyboardInterrupt()]
    result = invoke("backfill", "--preset", "web")
    assert result.exit_code == 130
    assert "safelight backfill --resume B" in result.stderr


def test_cancel_repeats_until_no_member_is_open(invoke: Invoke, api: Any) -> None:
    """The batch is cancelled."""
    api.answers = [httpx.Response(202, json=batch(3, complete=False) | {"remaining": left}) for left in (2, 0)]
    assert invoke("backfill", "--cancel", "B").exit_code == 0
    assert [request.url.path for request in api.requests] == ["/v1/batches/B/cancel"] * 2


def test_other_batch_can_not_be_resumed(invoke: Invoke, api: Any) -> None:
    """Its members were uploaded."""
    api.answers = [httpx.Response(200, json=batch(1) | {"backfill": None})]
    assert invoke("backfill", "--resume", "B").exit_code == 2


@pytest.mark.parametrize("options", [(), ("--preset", "web", "--resume", "B"), ("--preset", "a", "--pipeline", "{}")])
def test_exactly_one_action_is_required(invoke: Invoke, options: tuple[str, ...]) -> None:
    """A preset or pipeline, --resume or --cancel."""
    assert invoke("backfill", *options).exit_code == 2
