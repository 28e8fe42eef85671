"""The commands ``receipt`` and ``verify``: downloads, output and exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Invoke = Callable[..., Result]


@pytest.fixture
def job(invoke: Invoke, api: Any, image_file: Path) -> str:
    """Return a completed job."""
    assert invoke("submit", image_file, "--wait").exit_code == 0
    api.requests.clear()
    (job_id,) = api.jobs
    return str(job_id)


def test_receipt_is_printed_or_saved(invoke: Invoke, job: str, tmp_path: Path) -> None:
    """The same document on standard output and in a file."""
    printed = json.loads(invoke("receipt", job).stdout)
    assert printed["digest"] == f"digest of {job}"
    assert invoke("receipt", job, "-o", tmp_path / "kept.json").exit_code == 0
    assert json.loads((tmp_path / "kept.json").read_text()) == printed
    assert invoke("receipt", job, "-o", tmp_path).exit_code == 2


@pytest.mark.parametrize(
    ("state", "options", "code"),
    [
        ("same", (), 0),
        ("other", (), 0),
        ("changed", (), 1),
        ("missing", (), 1),
        ("different", (), 1),
        ("different", ("--pixels",), 1),
        ("equal-pixels", (), 1),
        ("equal-pixels", ("--pixels",), 0),
        ("not-done", (), 2),
    ],
)
def test_exit_code_depends_on_the_findings(  # noqa: PLR0917 - the columns of the table
    invoke: Invoke, api: Any, job: str, state: str, options: tuple[str, ...], code: int
) -> None:
    """0: equal. 1: a difference. 2: not verified. Each finding is one line."""
    api.findings = [("again image", state)]
    result = invoke("verify", job, *options)
    assert result.exit_code == code
    assert f"again image\t{state}\twhy" in result.stdout


def test_deleted_object_is_missing(invoke: Invoke, api: Any, job: str) -> None:
    """A 404 of the store is a finding, not an error."""
    api.is_emptied = True
    result = invoke("verify", job, "--json")
    assert result.exit_code == 1
    assert {"what": "raw", "state": "missing", "detail": "why"} in json.loads(result.stdout)["findings"]


def test_object_with_another_size_is_compared(invoke: Invoke, api: Any, job: str, tmp_path: Path) -> None:
    """A download rejects it, but a comparison reports the difference."""
    api.promised = 5
    assert invoke("result", job, "-o", tmp_path / "a.png").exit_code == 1
    assert invoke("verify", job).exit_code == 0


def test_saved_receipt_is_compared_with_the_current_one(invoke: Invoke, job: str, tmp_path: Path) -> None:
    """Another receipt is a finding."""
    file = tmp_path / "kept.json"
    invoke("receipt", job, "-o", file)
    assert invoke("verify", job, "--receipt", file).exit_code == 0
    file.write_text(json.dumps(json.loads(file.read_text()) | {"digest": "older"}))
    result = invoke("verify", job, "--receipt", file)
    assert (result.exit_code, result.stdout.splitlines()[0].split("\t")[:2]) == (1, ["receipt", "changed"])


@pytest.mark.parametrize("content", [None, "no JSON", "[]"])
def test_invalid_receipt_exits_with_2(invoke: Invoke, job: str, tmp_path: Path, content: str | None) -> None:
    """A missing file or other content."""
    file = tmp_path / "kept.json"
    if content is not None:
        file.write_text(content)
    assert invoke("verify", job, "--receipt", file).exit_code == 2


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "NOBODY"),
        ("receipt", "NOBODY"),
        ("result", "NOBODY"),
        ("result", "NOBODY", "--link"),
        ("result", "NOBODY", "--markup"),
        ("result", "NOBODY", "-o", "-"),
        ("status", "NOBODY"),
        ("batches", "show", "NOBODY"),
        ("backfill", "--resume", "NOBODY"),
        ("presets", "show", "nobody"),
        ("tokens", "revoke", "NOBODY"),
    ],
    ids=" ".join,
)
def test_unknown_name_exits_with_1(invoke: Invoke, command: tuple[str, ...]) -> None:
    """The command could run. The error is the same for each of them."""
    result = invoke(*command)
    assert result.exit_code == 1
    assert "JOB_NOT_FOUND" in result.stderr


@pytest.mark.parametrize("asset", ["logo", "logo=missing.png"])
def test_asset_needs_a_name_and_a_file(invoke: Invoke, job: str, asset: str) -> None:
    """The exit code is 2."""
    assert invoke("verify", job, "--asset", asset).exit_code == 2
