"""``safelight backfill``: asks until all members are made, tells how it stands, and can be stopped anywhere."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import Result

Invoke = Callable[..., Result]


def batch(total: int, *, complete: bool = False, done: bool = False, **counts: int) -> dict[str, Any]:
    """Return a batch as the API shows it."""
    return {
        "id": "B",
        "closed": complete,
        "done": done,
        "total": total,
        "counts": {"open": total, **counts},
        "backfill": {"complete": complete, "skipped": 0},
    }


def answers(*batches: dict[str, Any]) -> list[httpx.Response]:
    """Return what the API says, the first to the batch's making."""
    first, *others = batches
    return [
        httpx.Response(202, json={"batch": first, "items": []}),
        *(httpx.Response(202, json=each) for each in others),
    ]


def test_it_asks_until_all_is_made(invoke: Invoke, api: Any) -> None:
    """One request makes the batch, the next ones its members; then nothing more is asked without --wait."""
    api.answers = answers(batch(0), batch(50), batch(70, complete=True))
    result = invoke("backfill", "--preset", "web", "--since", "2026-11-01", "--no-wait")
    assert result.exit_code == 0
    assert json.loads(api.bodies[0]) == {
        "preset": "web",
        "backfill": {"status": "COMPLETED", "since": "2026-11-01"},
    }
    assert [request.url.path for request in api.requests[1:]] == ["/v1/batches/B/backfill"] * 2
    assert result.stdout == "B\t70 made\t70 open\n"


def test_any_status_is_no_status(invoke: Invoke, api: Any) -> None:
    """ANY asks for jobs however they ended."""
    api.answers = answers(batch(0, complete=True))
    assert invoke("backfill", "--preset", "web", "--status", "any", "--no-wait").exit_code == 0
    assert json.loads(api.bodies[0])["backfill"] == {"status": None}


def test_the_exit_code_tells_of_failures(invoke: Invoke, api: Any) -> None:
    """Done with a failed member is 1, and the document has the counts."""
    api.answers = [httpx.Response(200, json=batch(2, complete=True, done=True, open=0, completed=1, failed=1))]
    result = invoke("backfill", "--resume", "B", "--json")
    assert (result.exit_code, json.loads(result.stdout)["counts"]["failed"]) == (1, 1)


def test_stopped_it_says_how_to_go_on(invoke: Invoke, api: Any) -> None:
    """Ctrl-C is no fault: 130, and the command that goes on."""
    api.answers = [*answers(batch(0), batch(50)), KeyboardInterrupt()]
    result = invoke("backfill", "--preset", "web")
    assert result.exit_code == 130
    assert "safelight backfill --resume B" in result.stderr


def test_a_backfill_is_ended(invoke: Invoke, api: Any) -> None:
    """The batch is cancelled, until nothing is left open."""
    api.answers = [httpx.Response(202, json=batch(3, complete=False) | {"remaining": left}) for left in (2, 0)]
    assert invoke("backfill", "--cancel", "B").exit_code == 0
    assert [request.url.path for request in api.requests] == ["/v1/batches/B/cancel"] * 2


def test_another_batch_is_no_backfill(invoke: Invoke, api: Any) -> None:
    """There is nothing to go on with."""
    api.answers = [httpx.Response(200, json=batch(1) | {"backfill": None})]
    assert invoke("backfill", "--resume", "B").exit_code == 2


@pytest.mark.parametrize("options", [(), ("--preset", "web", "--resume", "B"), ("--preset", "a", "--pipeline", "{}")])
def test_one_thing_is_asked_at_a_time(invoke: Invoke, options: tuple[str, ...]) -> None:
    """A wish, or an ID to go on with, or one to end."""
    assert invoke("backfill", *options).exit_code == 2
