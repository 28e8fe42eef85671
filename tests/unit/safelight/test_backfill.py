"""The command ``safelight backfill``: it creates all members, shows the progress and can be resumed."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import Result

from safelight.cli.batch_progress import complete_backfill
from safelight.client import Safelight
from safelight.models import Batch

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


def refuse(code: str, detail: str, retry_after: int) -> httpx.Response:
    """Return the API's response at a limit of the caller."""
    document = {"title": "A limit.", "status": 429, "code": code, "detail": detail, "retriable": True}
    headers = {"Content-Type": "application/problem+json", "Retry-After": str(retry_after)}
    return httpx.Response(429, content=json.dumps(document), headers=headers)


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
    assert result.stdout == "B\tclosed\t70\t70\t0\t0\t0\t0\t0\t-\t-\n"


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


def test_a_backfill_waits_for_open_jobs_to_end(client: Safelight, api: Any, fake_time: Any) -> None:
    """As long as the API says, however often it refuses."""
    refusals = [refuse("TOO_MANY_OPEN_JOBS", "Too many.", 5)] * 20
    waiting = [httpx.Response(200, json=batch(50))] * 4
    api.answers = [
        *(each for number in range(4) for each in (*refusals[number * 5 : number * 5 + 5], waiting[number])),
        httpx.Response(202, json=batch(70, complete=True)),
    ]
    done = complete_backfill(client, Batch(**batch(50)), lambda _: None, wait=False, timing=fake_time.timing())
    assert (done.total, done.is_filled) == (70, True)
    assert set(fake_time.slept) == {5.0}


def test_a_backfill_does_not_wait_for_the_next_day(invoke: Invoke, api: Any) -> None:
    """It says how to resume."""
    api.answers = [*respond_with(batch(0)), refuse("DAILY_BYTES_EXCEEDED", "At most 1,000 bytes per day.", 40_000)]
    result = invoke("backfill", "--preset", "web")
    assert result.exit_code not in {0, 130}
    assert "safelight backfill --resume B" in result.stderr
    assert "At most 1,000 bytes" in result.stderr


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
