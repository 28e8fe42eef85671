"""``safelight logs``, ``env`` and ``reset``: what is printed, without a running stack."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra import inspection, local_stack
from infra.engines import embedded
from infra.engines.record import EnginePaths
from infra.inspection import LogLine, app, list_variables
from infra.stack import Stack

ROLES = ("api", "worker")
STACK = Stack(
    engine="embedded",
    endpoint_url="http://127.0.0.1:4566",
    api_url="http://127.0.0.1:4566/v1",
    ui_url="",
    bucket="images",
    table="Images",
    queue_url="q",
    bulk_queue_url="b",
    dead_letter_queue_url="d",
    functions={role: f"safelight-{role}" for role in ROLES},
)
LINES = (
    LogLine(2, "worker", json.dumps({"level": "ERROR", "message": "Bad\x1b", "job_id": "J1", "timestamp": "x"})),
    LogLine(3, "api", "START RequestId: 1\n"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state folder with a stack."""
    monkeypatch.setenv("SAFELIGHT_STATE_DIR", str(tmp_path))
    STACK.save(local_stack.stack_path(tmp_path))
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[Sequence[str]]:
    """Replace the engine's logs. Return the roles that are read."""
    assert folder.exists()
    roles: list[Sequence[str]] = []

    def read_lines(_stack: Stack, chosen: Any, _start: int, *, follow: bool) -> Any:
        assert not follow
        roles.append([*chosen])
        return iter(LINES)

    monkeypatch.setattr(inspection, "read_lines", read_lines)
    return roles


def run(*arguments: str) -> Any:
    """Run a command."""
    return CliRunner().invoke(app, arguments)


def test_logs_have_the_same_fields(read: list[Sequence[str]]) -> None:
    """Time, function, level, message and other fields. Control characters are escaped."""
    lines = [line.split("\t") for line in run("logs").stdout.splitlines()]
    assert lines == [
        ["1970-01-01T00:00:00.002Z", "worker", "ERROR", "Bad\\x1b", 'job_id="J1"'],
        ["1970-01-01T00:00:00.003Z", "api", "-", "START RequestId: 1", "-"],
    ]
    assert read == [[*ROLES]]


def test_logs_of_one_job_and_function(read: list[Sequence[str]]) -> None:
    """Other lines are not printed."""
    (line,) = run("logs", "worker", "--job", "J1", "--json").stdout.splitlines()
    assert json.loads(line)["message"] == "Bad\x1b"
    assert read == [["worker"]]


def test_unknown_function_is_explained(folder: Path) -> None:
    """With the names that exist."""
    assert folder.exists()
    result = run("logs", "wrker")
    assert result.exit_code == 2
    assert "Choose one of api, worker." in result.stderr


def test_variables_can_be_set_in_a_shell(folder: Path) -> None:
    """For the AWS CLI and SDKs, too."""
    assert folder.exists()
    lines = [shlex.split(line) for line in run("env").stdout.splitlines()]
    assert all(line[0] == "export" for line in lines)
    assert dict(line[1].split("=", 1) for line in lines) == list_variables(STACK)
    assert list_variables(STACK)["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert json.loads(run("env", "--json").stdout) == list_variables(STACK)


@pytest.mark.parametrize("command", [("env",), ("logs",), ("reset", "--yes")])
def test_missing_stack_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    """The error says how to start one."""
    monkeypatch.setenv("SAFELIGHT_STATE_DIR", str(tmp_path / "none"))
    result = run(*command)
    assert result.exit_code == 2
    assert "safelight up" in result.stderr


def test_reset_keeps_the_parameters_and_the_port(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data is deleted, and the stack started with the same engine and parameters, at the same URL."""
    calls: list[Any] = []
    local_stack.save_parameters(folder, {"UiOrigins": "*"})
    embedded.remember_port(folder, 4711)

    def down(state_dir: Path, *, wipe: bool) -> str:
        local_stack.forget_parameters(state_dir)
        EnginePaths.below(state_dir).record.unlink()
        calls.append(("down", wipe))
        return ""

    def up(_state_dir: Path, engine: str, **options: Any) -> Stack:
        calls.append(("up", engine, options["parameters"]))
        return STACK

    monkeypatch.setattr(local_stack, "down", down)
    monkeypatch.setattr(local_stack, "up", up)
    assert run("reset", "--yes").exit_code == 0
    assert calls == [("down", True), ("up", "embedded", {"UiOrigins": "*"})]
    assert local_stack.read_parameters(folder) == {"UiOrigins": "*"}
    assert embedded.read_port(folder) == 4711
    assert run("reset").exit_code == 1
    assert len(calls) == 2
