"""What all commands have in common: waiting, addresses, times, and names of options."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import typer
from support.closed_port import get_port, hold_port
from typer.testing import CliRunner, Result
from unit.safelight.conftest import FakeTime, problem

from safelight.cli.app import app
from safelight.cli.batch_progress import wait_for_batch
from safelight.cli.command_group import load_command
from safelight.cli.commands import COMMANDS
from safelight.cli.options import choose_exit_code, parse_time
from safelight.cli.rendering.text import format_error
from safelight.client import Safelight
from safelight.errors import ApiError, Pointer, Unreachable, WaitedTooLong
from safelight.transport.responses import translate_errors

Invoke = Callable[..., Result]
NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
JOB = {"id": "J", "status": "COMPLETED", "done": True, "result": {"outputs": []}}
OPEN = {"id": "K", "status": "PROCESSING", "done": False}
FAILED = {"id": "L", "status": "FAILED", "done": True, "error": {"code": "TIMED_OUT", "message": "m"}}
BATCH = {"id": "B", "closed": True, "done": True, "total": 3, "counts": {"completed": 3}}


@pytest.mark.parametrize(
    ("jobs", "code"),
    [((JOB,), 0), ((JOB, FAILED), 1), ((JOB, OPEN), 3), ((OPEN, FAILED), 1), ((JOB, None), 1)],
    ids=["completed", "failed", "running", "running and failed", "unknown"],
)
def test_wait_has_an_exit_code_for_jobs_that_still_run(
    invoke: Invoke, api: Any, jobs: tuple[dict[str, Any] | None, ...], code: int
) -> None:
    """Every job is shown. A failure is more important."""
    missing = problem(404, "JOB_NOT_FOUND", "The job does not exist.")
    api.answers = [missing if each is None else httpx.Response(200, json=each) for each in jobs]
    result = invoke("wait", *(f"ID{number}" for number in range(len(jobs))), "--timeout", "0")
    assert result.exit_code == code, result.output
    assert len(result.stdout.splitlines()) == len(jobs)


def test_batches_are_listed_with_the_same_fields(invoke: Invoke, api: Any) -> None:
    """ID, state, members, counts by status, skipped images, creation time and name."""
    walking = {"id": "C", "walk": {"state": "failed", "error": {"code": "SOURCE_FORBIDDEN"}}, "name": "Summer"}
    made = {**BATCH, "created_at": "2026-11-22T16:34:00Z"}
    api.answers = [httpx.Response(200, json={"batches": [made, walking]})]
    assert [line.split("\t") for line in invoke("batches", "list").stdout.splitlines()] == [
        ["B", "done", "3", "0", "3", "0", "0", "0", "0", "2026-11-22T16:34:00Z", "-"],
        ["C", "failed SOURCE_FORBIDDEN", "0", "0", "0", "0", "0", "0", "0", "-", "Summer"],
    ]


def test_batch_is_waited_for(client: Safelight, api: Any, fake_time: FakeTime) -> None:
    """Until it is done, or until the timeout."""
    running = {**BATCH, "done": False}
    api.answers = [httpx.Response(200, json=each) for each in (running, running, BATCH)]
    assert wait_for_batch(client, "B", None, fake_time.timing()).done
    api.answers = [httpx.Response(200, json=running)] * 9
    with pytest.raises(WaitedTooLong, match="not done after 5 s") as error:
        wait_for_batch(client, "B", 5, fake_time.timing())
    assert choose_exit_code(error.value) == 3


@pytest.mark.parametrize(("counts", "code"), [({"completed": 3}, 0), ({"completed": 2, "failed": 1}, 1)])
def test_batch_with_failed_jobs_exits_with_1(invoke: Invoke, api: Any, counts: dict[str, int], code: int) -> None:
    """As a job does."""
    api.answers = [httpx.Response(200, json={**BATCH, "counts": counts})]
    assert invoke("batches", "wait", "B").exit_code == code


def test_closed_port_of_this_machine_is_reported_at_once(fake_time: FakeTime) -> None:
    """Another try would have the same result. The error says how to start the local stack."""
    with (
        hold_port() as holder,
        Safelight(f"http://127.0.0.1:{get_port(holder)}/v1", timing=fake_time.timing()) as client,
        pytest.raises(Unreachable, match="run: safelight up"),
    ):
        client.health()
    assert fake_time.slept == []


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (httpx.ConnectError("[Errno -2] Name or service not known"), "Check the address: SAFELIGHT_API_URL"),
        (httpx.ConnectError("Connection refused"), "Check the address: SAFELIGHT_API_URL"),
        (httpx.ConnectTimeout("timed out"), "Check the address and your network"),
        (httpx.ProxyError("refused"), "Check HTTPS_PROXY"),
    ],
)
def test_other_servers_are_tried_again(error: httpx.HTTPError, advice: str) -> None:
    """They may be reachable later. The error says what to check."""
    with pytest.raises(Unreachable, match=advice) as raised, translate_errors("https://api.test/v1"):
        raise error
    assert not raised.value.is_closed_port


def test_response_of_another_server_names_the_address(client: Safelight, api: Any) -> None:
    """API Gateway answers so if the path lacks its stage or /v1."""
    api.answers = [httpx.Response(403, json={"message": "Missing Authentication Token"})]
    with pytest.raises(ApiError, match=r"Missing Authentication Token. Check the address http://api.test.*ends in /v1"):
        client.health()
    api.answers = [problem(404, "JOB_NOT_FOUND", "The job does not exist.")]
    with pytest.raises(ApiError, match=r"^The job does not exist\.$"):
        client.status("J")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (None, None),
        ("2h", "2026-11-22T14:00:00+00:00"),
        ("7D", "2026-11-15T16:00:00+00:00"),
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01T10:00:00+02:00", "2026-11-01T10:00:00+02:00"),
        ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00+00:00"),
    ],
)
def test_times_are_dates_or_durations(text: str | None, time: str | None) -> None:
    """A duration ends now."""
    assert parse_time(text, NOW) == time


@pytest.mark.parametrize("text", ["soon", "2x", "", "2026-13-01", "20"])
def test_other_times_are_rejected(text: str) -> None:
    """20 has no unit."""
    with pytest.raises(typer.BadParameter):
        parse_time(text, NOW)


def test_list_sends_times(invoke: Invoke, api: Any) -> None:
    """Only those that are given."""
    assert invoke("list", "--since", "2026-11-01", "--until", "2026-11-02").exit_code == 0
    assert dict(api.requests[0].url.params) == {
        "since": "2026-11-01T00:00:00+00:00",
        "until": "2026-11-02T00:00:00+00:00",
        "limit": "20",
    }


def test_list_sends_a_part_of_a_name(invoke: Invoke, api: Any) -> None:
    """As it is typed."""
    assert invoke("list", "--filename", "IMG 2").exit_code == 0
    assert dict(api.requests[0].url.params) == {"filename": "IMG 2", "limit": "20"}


def test_error_about_several_fields_has_no_empty_pointer() -> None:
    """The detail alone."""
    error = ApiError("Not valid.", code="INVALID", status=422, pointers=(Pointer("", "a and b"), Pointer("/c", "d")))
    assert format_error(error) == "Not valid. a and b. /c: d. (INVALID)"


def test_old_name_of_concurrency_is_accepted(invoke: Invoke, image_file: Any) -> None:
    """--parallel."""
    assert invoke("submit", image_file, "--parallel", "2").exit_code == 0
    assert invoke("submit", image_file, "--concurrency", "65").exit_code == 2


def test_each_option_name_has_one_meaning() -> None:
    """The same name takes the same kind of value in all commands of the client."""
    kinds: dict[str, set[str]] = {}
    for row in COMMANDS:
        if not row.module.startswith("safelight."):
            continue
        command = load_command(row)
        for each in [command, *getattr(command, "commands", {}).values()]:
            for option in each.params:
                for name in option.opts:
                    if name.startswith("-") and not getattr(option, "hidden", False):
                        kinds.setdefault(name, set()).add(str(option.metavar))
    known = {"--concurrency", "--limit", "--version", "--pipeline", "--preset"}
    assert {name: found for name, found in kinds.items() if len(found) > 1 and name not in known} == {}


def test_help_has_groups_and_exit_codes() -> None:
    """New users read it first."""
    text = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    for word in ("Images", "Jobs", "Catalog", "Operators", "--version", "3 still running"):
        assert word in text
