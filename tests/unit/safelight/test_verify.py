"""The commands for receipts: what is fetched, what is told, and the exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Invoke = Callable[..., Result]


@pytest.fixture
def job(invoke: Invoke, api: Any, picture: Path) -> str:
    """Return a completed job."""
    assert invoke("submit", picture, "--wait").exit_code == 0
    api.requests.clear()
    (job_id,) = api.jobs
    return str(job_id)


def test_a_receipt_is_printed_or_kept(invoke: Invoke, job: str, tmp_path: Path) -> None:
    """The whole document, on standard output or in a file."""
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
def test_the_exit_code_says_what_was_found(  # noqa: PLR0917 - the columns of the table
    invoke: Invoke, api: Any, job: str, state: str, options: tuple[str, ...], code: int
) -> None:
    """0 for the same, 1 for a difference, 2 for what could not be done; a line for each finding."""
    api.findings = [("again image", state)]
    result = invoke("verify", job, *options)
    assert result.exit_code == code
    assert f"again image\t{state}\twhy" in result.stdout


def test_an_object_that_is_gone_is_found_missing(invoke: Invoke, api: Any, job: str) -> None:
    """The store's 404 is a finding, and not the end of the comparison."""
    api.is_emptied = True
    result = invoke("verify", job, "--json")
    assert result.exit_code == 1
    assert {"what": "raw", "state": "missing", "detail": "why"} in json.loads(result.stdout)["findings"]


def test_an_object_of_another_size_is_looked_at_all_the_same(
    invoke: Invoke, api: Any, job: str, tmp_path: Path
) -> None:
    """What a download would refuse as cut short is just what a comparison is to find."""
    api.promised = 5
    assert invoke("result", job, "-o", tmp_path / "a.png").exit_code == 2
    assert invoke("verify", job).exit_code == 0


def test_a_kept_receipt_is_compared_with_the_api_own(invoke: Invoke, job: str, tmp_path: Path) -> None:
    """Equal, it is no news; where the API has another one by now, that is a finding."""
    file = tmp_path / "kept.json"
    invoke("receipt", job, "-o", file)
    assert invoke("verify", job, "--receipt", file).exit_code == 0
    file.write_text(json.dumps(json.loads(file.read_text()) | {"digest": "older"}))
    result = invoke("verify", job, "--receipt", file)
    assert (result.exit_code, result.stdout.splitlines()[0].split("\t")[:2]) == (1, ["receipt", "changed"])


@pytest.mark.parametrize("content", [None, "no JSON", "[]"])
def test_what_is_no_receipt_stops_the_command(invoke: Invoke, job: str, tmp_path: Path, content: str | None) -> None:
    """A file that is missing or holds something else: it could not run."""
    file = tmp_path / "kept.json"
    if content is not None:
        file.write_text(content)
    assert invoke("verify", job, "--receipt", file).exit_code == 2


def test_an_unknown_job_stops_the_command(invoke: Invoke) -> None:
    """There is nothing to compare with."""
    assert invoke("verify", "NOBODY").exit_code == 2


@pytest.mark.parametrize("asset", ["logo", "logo=missing.png"])
def test_an_asset_is_a_name_and_a_file(invoke: Invoke, job: str, asset: str) -> None:
    """Anything else is a wrong option."""
    assert invoke("verify", job, "--asset", asset).exit_code == 2
