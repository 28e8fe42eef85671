"""Text on a terminal: lines end between words."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from safelight.cli.app import app
from safelight.cli.rendering import text
from safelight.cli.rendering.prose import print_text, wrap
from safelight.client import Safelight

Invoke = Callable[..., Result]
TERMINAL = {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0", "COLUMNS": "80"}
JOB_ID = "01JD9ZK8V4M2Q6X3T5R7W9Y1AB"
REQUEST_ID = "7c8b8d03-eb98-4327-8a4d-809ae2d8c730"


@pytest.mark.parametrize(
    ("content", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two", 10, ["one two"]),
        ("one two three", 7, ["one two", "three"]),
        ("two  spaces stay", 11, ["two  spaces", "stay"]),
        ("a /long/path/to/files", 10, ["a", "/long/", "path/to/", "files"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("写真館の写真", 6, ["写真館", "の写真"]),
        ("写", 1, ["写"]),
    ],
)
def test_wrap(content: str, width: int, lines: list[str]) -> None:
    """Between words, in longer words after a separator, and else where the line ends. Wide characters count twice."""
    assert wrap(content, width) == lines


@pytest.mark.parametrize("width", range(1, 50, 7))
def test_wrap_loses_nothing(width: int) -> None:
    """Only spaces at the ends of lines."""
    content = f"The job {JOB_ID} does not exist. (JOB_NOT_FOUND, request {REQUEST_ID})"
    found = wrap(content, width)
    assert "".join(found).replace(" ", "") == content.replace(" ", "")
    assert max(map(cell_len, found)) <= width


def test_indents_stay(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal. Elsewhere, lines are whole."""
    content = "Title\n  one two three four"
    for name, value in (TERMINAL | {"COLUMNS": "12"}).items():
        monkeypatch.setenv(name, value)
    print_text(content)
    monkeypatch.setenv("TTY_COMPATIBLE", "0")
    print_text(content)
    assert capsys.readouterr().out == f"Title\n  one two\n  three four\n{content}\n"


def test_errors_are_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """For example those of the API. No word is divided."""
    problem = {"detail": "The job does not exist.", "code": "JOB_NOT_FOUND", "request_id": REQUEST_ID}
    transport = httpx.MockTransport(lambda _request: httpx.Response(404, json=problem))
    wiring: Any = SimpleNamespace(connect=lambda url: Safelight(url, transport=transport), list_objects=None)
    monkeypatch.setenv("SAFELIGHT_API_URL", "http://api.test/v1")
    for command in (("result", JOB_ID), ("status", JOB_ID)):
        shown = CliRunner().invoke(app, command, obj=wiring, env=TERMINAL).stderr
        assert max(map(len, shown.splitlines())) <= 80
        assert f"{REQUEST_ID})" in shown.split()


@pytest.mark.parametrize(
    ("problem", "shown", "exit_code"),
    [
        (
            {"status": 404, "code": "JOB_NOT_FOUND", "detail": "The job does not exist."},
            "The job does not exist. (JOB_NOT_FOUND) To list the IDs, run: safelight list",
            1,
        ),
        (
            {"status": 404, "code": "ROUTE_NOT_FOUND", "detail": "No such path."},
            "No such path. Check the address http://api.test: the URL of an API ends in /v1. (ROUTE_NOT_FOUND)",
            2,
        ),
        (
            {"status": 422, "code": "X", "detail": "a: one", "errors": [{"pointer": "/a", "detail": "one"}]},
            "a: one. (X)",
            2,
        ),
        (
            {"status": 422, "code": "X", "detail": "2", "errors": [{"pointer": each, "detail": each} for each in "ab"]},
            "2. a: a. b: b. (X)",
            2,
        ),
    ],
)
def test_errors_say_what_to_do(
    problem: dict[str, Any], shown: str, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fact once. A wrong address is another exit code than an unknown ID."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(problem["status"], json=problem))
    wiring: Any = SimpleNamespace(connect=lambda url: Safelight(url, transport=transport), list_objects=None)
    monkeypatch.setenv("SAFELIGHT_API_URL", "http://api.test/v1")
    done = CliRunner().invoke(app, ["result", JOB_ID], obj=wiring)
    assert (" ".join(done.stderr.split()), done.exit_code) == (shown, exit_code)


def test_paths_are_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Relative to the current folder if that is shorter. Only for people, the home directory is ``~``."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", "/h")
    assert text.shorten_path(str(tmp_path / "here/a.jpg")) == "a.jpg"
    assert text.shorten_path(str(tmp_path / "other/a.jpg")) == "../other/a.jpg"
    assert text.shorten_path("/a.jpg") == "/a.jpg"
    assert text.shorten_path("s3://bucket/a.jpg") == "s3://bucket/a.jpg"
    assert text.shorten_path("/h/state/report.json") == "/h/state/report.json"
    assert text.shorten_path("/h/state/report.json", with_home=True) == "~/state/report.json"


@pytest.mark.parametrize(
    ("command", "answer", "sentence"),
    [
        ("batches", {"batches": []}, "There are no batches."),
        ("assets", {"assets": []}, "There are no assets."),
        ("tokens", {"tokens": []}, "There are no upload tokens."),
        ("webhooks", {"webhooks": []}, "There are no webhooks."),
        ("watches", {"watches": []}, "There are no watches."),
    ],
)
def test_empty_lists_are_sentences(
    command: str, answer: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal. Elsewhere, nothing is printed."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=answer))
    wiring: Any = SimpleNamespace(connect=lambda url: Safelight(url, transport=transport), list_objects=None)
    monkeypatch.setenv("SAFELIGHT_API_URL", "http://api.test/v1")
    assert CliRunner().invoke(app, [command, "list"], obj=wiring, env=TERMINAL).stdout == f"{sentence}\n"
    assert CliRunner().invoke(app, [command, "list"], obj=wiring).stdout == ""


def test_dry_run_has_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """On a terminal: the action, the size or the reason, and the file."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG")
    (folder / "void.png").touch()
    (folder / "notes.txt").touch()
    wiring: Any = SimpleNamespace(list_objects=None)
    done = CliRunner().invoke(app, ["ingest", "photos", "--dry-run"], obj=wiring, env=TERMINAL)
    assert [re.split(r"\s{2,}", line) for line in done.stdout.splitlines()] == [
        ["send", "4 B", "photos/a.png"],
        ["skip", "NO_IMAGE_SUFFIX", "photos/notes.txt"],
        ["fail", "LOCAL_FILE", "photos/void.png"],
        ["", "photos/void.png is empty."],
    ]
