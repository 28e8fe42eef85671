"""The commands ``cancel``, ``retry``, ``delete`` and ``dead-letters``."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import Result

from safelight.client import Safelight

Invoke = Callable[..., Result]


def job(job_id: str, status: str) -> dict[str, Any]:
    """Return a job as the API returns it."""
    return {"id": job_id, "status": status, "done": status not in {"PENDING", "PROCESSING"}, "filename": "a.png"}


def letter(job_id: str, reason: str, redrives: int = 0) -> dict[str, Any]:
    """Return a dead letter as the API returns it."""
    return {"kind": "job", "id": job_id, "reason": reason, "redrives": redrives, "since": "2026-11-22T16:34:00.000Z"}


@pytest.mark.parametrize(
    ("command", "good", "bad", "status", "code"),
    [
        ("cancel", "PENDING", "COMPLETED", "CANCELLED\tJOB_CANCELLED", "JOB_FINISHED"),
        ("retry", "FAILED", "COMPLETED", "PENDING", "JOB_NOT_RETRIABLE"),
    ],
)
def test_refused_job_does_not_stop_the_others(  # noqa: PLR0917 - a row of the table
    invoke: Invoke, api: Any, command: str, good: str, bad: str, status: str, code: str
) -> None:
    """The refusal is printed. The exit code is 1."""
    api.jobs |= {"BAD": job("BAD", bad), "GOOD": job("GOOD", good)}
    result = invoke(command, "BAD", "GOOD")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"GOOD\t{status}\t")
    assert code in result.stderr
    api.jobs["GOOD"] = job("GOOD", good)
    document = json.loads(invoke(command, "BAD", "GOOD", "--json").stdout)
    assert [each["id"] for each in document["jobs"]] == ["GOOD"]
    assert [(each["id"], each["code"]) for each in document["errors"]] == [("BAD", code)]


def test_retry_with_another_pipeline(invoke: Invoke, api: Any) -> None:
    """Without --pipeline, the body is empty."""
    api.jobs["J"] = job("J", "FAILED")
    assert invoke("retry", "J", "--pipeline", '{"operations": []}').exit_code == 0
    assert json.loads(api.bodies[-1]) == {"pipeline": {"operations": []}}
    api.jobs["J"] = job("J", "FAILED")
    assert invoke("retry", "J").exit_code == 0
    assert api.bodies[-1] == b""


def test_deleted_jobs_are_printed(invoke: Invoke, api: Any) -> None:
    """An unknown job is an error."""
    api.jobs |= {"A": job("A", "COMPLETED"), "B": job("B", "PENDING")}
    assert (result := invoke("delete", "A", "B")).exit_code == 0
    assert result.stdout == "A\tDELETED\t-\t1\t1 KB\nB\tDELETED\t-\t1\t1 KB\n"
    assert (result := invoke("delete", "A", "--json")).exit_code == 1
    assert json.loads(result.stdout)["errors"][0]["code"] == "JOB_NOT_FOUND"


def test_delete_json_has_the_deleted_objects(invoke: Invoke, api: Any) -> None:
    """With key, size and digest."""
    api.jobs |= {"A": job("A", "COMPLETED")}
    (deletion,) = json.loads(invoke("delete", "A", "--json").stdout)["deleted"]
    assert (deletion["id"], deletion["objects"][0]["key"], deletion["bytes"]) == ("A", "raw/api/A", 1200)


@pytest.mark.parametrize("command", ["cancel", "retry", "delete"])
def test_unreachable_api_exits_with_2(invoke: Invoke, api: Any, command: str) -> None:
    """No job was changed."""
    import httpx  # noqa: PLC0415 - for this one fault

    api.answers = [httpx.ConnectError("no")] * 20
    assert invoke(command, "J", "K").exit_code == 2


def test_dead_letters_are_listed_and_counted(invoke: Invoke, api: Any) -> None:
    """One line each, from all pages. The counts by reason go to standard error."""
    api.letters = [letter("A", "X"), letter("B", "X"), letter("C", "Y", 2)]
    result = invoke("dead-letters", "list")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["A", "B", "C"]
    assert result.stderr == "2 X, 1 Y\n"
    document = json.loads(invoke("dead-letters", "list", "--reason", "X", "--json").stdout)
    assert ([each["id"] for each in document["dead_letters"]], document["reasons"]) == (["A", "B"], {"X": 2})
    assert len(json.loads(invoke("dead-letters", "list", "--limit", "1", "--json").stdout)["dead_letters"]) == 1


@pytest.mark.parametrize(
    ("arguments", "jobs", "exit_code"),
    [
        (["--all"], ["A", "B", "C"], 1),
        (["--all", "--force"], ["A", "B", "C", "D"], 0),
        (["--reason", "X"], ["A", "B"], 0),
        (["B", "C"], ["B", "C"], 0),
        (["B", "NONE"], ["B"], 1),
        (["D"], [], 1),
        ([], None, 2),
        (["A", "--all"], None, 2),
    ],
)
def test_redrive(invoke: Invoke, api: Any, arguments: list[str], jobs: list[str] | None, exit_code: int) -> None:
    """By ID, by reason or all, from all pages. A refusal makes the exit code 1."""
    api.letters = [letter("A", "X"), letter("B", "X"), letter("C", "Y"), letter("D", "Z", 3)]
    result = invoke("dead-letters", "redrive", *arguments, "--json")
    assert result.exit_code == exit_code, result.output
    if jobs is not None:
        assert json.loads(result.stdout)["jobs"] == jobs


def test_a_batch_is_retried_until_all_its_members_were_scanned(client: Safelight, api: Any) -> None:
    """A call that only finds members that have not failed, until its time is up, does not end the scan."""
    calls = ((0, 1), (2, 1), (1, 0))
    batch = {"batch": {"id": "B"}}
    api.answers = [
        httpx.Response(202, json=batch | {"retried": retried, "remaining": remaining}) for retried, remaining in calls
    ]
    assert client.batches.retry_failed("B").retried == 3
