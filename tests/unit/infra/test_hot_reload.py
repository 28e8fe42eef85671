"""Hot reload: what counts as a change, and how it is deployed."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra import code_check, hot_reload, local_stack, open_jobs
from infra.errors import SetupError
from infra.function_errors import FunctionErrors, describe_error


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree with all packages."""
    for room in ("api", "worker", "notifier", "shared", "safelight", "web"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("# one\n")
    return tmp_path


def test_each_change_is_reported_once() -> None:
    """Looks with equal results yield nothing. Each change has the value before it."""
    one, two, three = (frozenset({("a.py", number, 1)}) for number in (1, 2, 3))
    looks = iter([one, one, two, two, two, three, one])
    seen: list[hot_reload.Fingerprint] = []

    def look() -> hot_reload.Fingerprint:
        seen.append(next(looks))
        return seen[-1]

    found = hot_reload.watch_changes(look, pause=lambda: None)
    for count, change in ((3, (one, two)), (6, (two, three)), (7, (three, one))):
        assert next(found) == change
        assert len(seen) == count


def test_changed_files_are_listed(source: Path) -> None:
    """New and changed files, but no deleted ones."""
    (source / "api" / "old.py").write_text("")
    before = hot_reload.take_fingerprint(source)
    (source / "api" / "old.py").unlink()
    (source / "api" / "new.py").write_text("")
    (source / "shared" / "__init__.py").write_text("# another line\n")
    changed = hot_reload.list_changed(before, hot_reload.take_fingerprint(source))
    assert changed == [str(source / "api" / "new.py"), str(source / "shared" / "__init__.py")]


@pytest.mark.parametrize(
    ("name", "counts"),
    [("api/new.py", True), ("shared/__init__.py", True), ("web/index.html", True), ("safelight/x.py", False)],
)
def test_only_deployed_files_count(source: Path, name: str, counts: bool) -> None:
    """Files of the functions' packages and of the page count; others do not."""
    before = hot_reload.take_fingerprint(source)
    (source / name).write_text("# another line\n")
    assert (hot_reload.take_fingerprint(source) != before) == counts


def test_a_failed_deployment_does_not_stop_the_watch(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next change is deployed again, and workers look at the open jobs."""
    outcomes = iter([SetupError("The template is torn."), None])
    told: list[str] = []

    def up(*_: object, **__: object) -> None:
        outcome = next(outcomes)
        if outcome:
            raise outcome

    nothing: hot_reload.Fingerprint = frozenset()
    monkeypatch.setattr(local_stack, "up", up)
    monkeypatch.setattr(code_check, "find_problem", lambda *_: "")
    monkeypatch.setattr(open_jobs, "notify_workers", lambda _: 2)
    monkeypatch.setattr(hot_reload, "watch_changes", lambda *_: iter([(nothing, nothing)] * 2))
    hot_reload.follow_changes(tmp_path, "embedded", told.append, source)
    assert told[0] == "The template is torn."
    assert told[1].startswith("redeployed in")
    assert told[1].endswith("; workers look at 2 open jobs now")


def test_code_that_cannot_be_imported_is_not_deployed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax error in a changed file, then an exception during the import of a handler."""
    told: list[str] = []
    for module in code_check.list_handler_modules():
        path = source.joinpath(*module.split(".")).with_suffix(".py")
        path.write_text("")
    monkeypatch.setattr(local_stack, "up", lambda *_, **__: pytest.fail("deployed"))
    broken = source / "worker" / "app.py"
    broken.write_text("import os\ndef handler(:\n")
    hot_reload.deploy_changes(source, "embedded", told.append, source, [broken])
    assert told.pop().splitlines()[1:] == ["worker/app.py:2: SyntaxError: invalid syntax", "    def handler(:"]
    broken.write_text("from shared import missing\n")
    hot_reload.deploy_changes(source, "embedded", told.append, source, [broken])
    lines = told.pop().splitlines()
    assert lines[1].strip() == 'File "worker/app.py", line 1, in <module>'
    assert lines[-1].startswith("ImportError: cannot import name 'missing' from 'shared'")
    assert code_check.find_problem(source, [broken])
    broken.write_text("")
    assert code_check.find_problem(source, [broken, source / "deleted.py"]).startswith("deleted.py: ")
    assert code_check.find_problem(source, [broken]) == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"level": "INFO", "message": "fine"}', ""),
        (
            '{"level": "ERROR", "message": "Failed", "job_id": "J", "exception": "  File \\"/x/code/worker/app.py\\""}',
            'Failed (job J)\n  File "worker/app.py"',
        ),
        ('{"level": "ERROR", "message": "Failed"}', "Failed"),
        ("2026 Task timed out after 60.00 seconds\n", "2026 Task timed out after 60.00 seconds"),
        ("START RequestId: 1", ""),
    ],
)
def test_errors_are_found_in_log_lines(line: str, expected: str) -> None:
    """Structured lines by their level, others by what Lambda writes."""
    assert describe_error(line) == expected


def test_each_error_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those before the start; also those of a millisecond that was read before."""
    events = [log_event(1, "old")]
    monkeypatch.setattr("infra.log_reader.local_session", lambda _: SimpleNamespace(client=lambda _: Logs(events)))
    stack = SimpleNamespace(endpoint_url="http://e", functions={"worker": "w", "api": "missing"})
    errors = FunctionErrors(stack)  # type: ignore[arg-type]
    assert [*errors.read()] == []
    events.append(log_event(1, "first"))
    assert [*errors.read()] == ["worker: first"]
    events += [log_event(2, "second"), {**log_event(2, "x"), "message": "no error"}]
    assert [*errors.read()] == ["worker: second"]
    assert [*errors.read()] == []


def log_event(timestamp: int, message: str) -> dict[str, Any]:
    """Return an event of CloudWatch Logs."""
    text = json.dumps({"level": "ERROR", "message": message})
    return {"timestamp": timestamp, "logStreamName": "s", "message": text}


class Logs:
    """A client of CloudWatch Logs with one log group."""

    class exceptions:  # noqa: N801 - boto3's name
        """The errors of the client."""

        ResourceNotFoundException = KeyError

    def __init__(self, events: list[dict[str, Any]]) -> None:
        """Use these events."""
        self._events = events

    def get_paginator(self, _: str) -> "Logs":
        """Return the only paginator."""
        return self

    def paginate(self, *, logGroupName: str, startTime: int) -> Iterator[dict[str, Any]]:  # noqa: N803 - boto3's names
        """Yield a page for each event."""
        if logGroupName != "/aws/lambda/w":
            raise KeyError(logGroupName)
        return iter([{"events": [event]} for event in self._events if event["timestamp"] >= startTime])
