"""Output on a terminal: tables, in any width."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import Result

Invoke = Callable[..., Result]
PNG = b"\x89PNG\r\n\x1a\n"
JOB_ID = "01JD9ZK8V4M2Q6X3T5R7W9Y1AB"
NAME = "a-photo-with-a-long-name-from-a-camera.jpeg"


def run(invoke: Invoke, width: int, *command: str) -> str:
    """Return what a command prints on a terminal, without styles."""
    environment = {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(width)}
    return re.sub(r"\x1b\[[0-9;]*m", "", invoke(*command, **environment).stdout)


def make_job(job_id: str = JOB_ID, **more: Any) -> dict[str, Any]:
    """Return a completed job as the API returns it."""
    output = {"name": "image", "key": "k", "size": 404_000, "width": 1024, "height": 768, "format": "PNG"}
    return {
        "id": job_id,
        "status": "COMPLETED",
        "done": True,
        "filename": NAME,
        "timestamp": "2026-11-22T16:34:00.620Z",
        "uploaded_at": "2026-11-22T16:34:00.000Z",
        "raw": {"size": 1_200_000, "format": "JPEG", "width": 4000, "height": 3000, "digest": "d"},
        "result": {**output, "outputs": [output]},
        "error": None,
        **more,
    }


@pytest.fixture
def jobs(api: Any) -> None:
    """A completed and a failed job."""
    error = {"code": "ATTEMPTS_EXHAUSTED", "message": "Three attempts failed.", "retriable": True}
    failed = make_job("01JD9ZK8V5D3N8C1H6J4K2M7PQ", status="FAILED", error=error, result=None)
    api.jobs = {job["id"]: job for job in (make_job(), failed)}


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_no_column_is_dropped(invoke: Invoke, width: int) -> None:
    """Every value is on a terminal of any width, in lines that fit. IDs are never split."""
    output = run(invoke, width, "list")
    assert max(map(len, output.splitlines())) <= max(
        width, len("File, Created ") + len(NAME) + len(" 2026-11-22 16:34")
    )
    assert JOB_ID in output
    for value in ("1.2 MB", "4000×3000", "404 KB", "1024×768", "-66 %", "0.62 s", "COMPLETED", "FAILED"):
        assert value in output, value
    for head in ("ID", "Status", "File", "Before", "After", "Change"):
        assert head in output, head


@pytest.mark.usefixtures("jobs")
def test_eighty_columns_have_two_lines_per_job(invoke: Invoke) -> None:
    """The file is below the ID, the creation time below the status, and dimensions are below the sizes."""
    output = run(invoke, 80, "list")
    head, below, first, second, *_ = output.splitlines()
    assert head.split() == ["ID", "Status", "Change"]
    assert below.split() == ["File", "Created", "Before", "After", "Time"]
    assert first.split()[:2] == [JOB_ID, "COMPLETED"]
    assert first.split()[-6:] == ["1.2", "MB", "404", "KB", "-66", "%"]
    assert "2026-11-22" in second
    assert second.split()[-4:] == ["4000×3000", "1024×768", "0.62", "s"]


@pytest.mark.parametrize("name", ["astronaut.jpg", "rocket-progressive.jpg"])
def test_names_are_not_divided(invoke: Invoke, api: Any, name: str) -> None:
    """Names of usual length are in one line of a terminal with 80 columns, beside long error codes too."""
    error = {"code": "ATTEMPTS_EXHAUSTED", "message": "Three attempts failed.", "retriable": True}
    api.jobs = {JOB_ID: make_job(filename=name, status="FAILED", error=error, result=None)}
    assert name in run(invoke, 80, "list").split()


@pytest.mark.usefixtures("jobs")
def test_wide_terminal_has_one_line_per_job(invoke: Invoke) -> None:
    """Nothing is wrapped."""
    lines = run(invoke, 190, "list").splitlines()
    assert len(lines) == 3
    assert "Created" in lines[0]


@pytest.mark.parametrize("width", [50, 80, 160])
def test_submit_shows_sizes_and_errors(invoke: Invoke, image_file: Path, width: int) -> None:
    """A table with a row per file."""
    assert image_file.exists()
    output = run(invoke, width, "submit", "holiday.png", "missing.png", "--out", "out")
    for value in ("holiday.png", "JOB00000", "18 B", "2×1", "-78 %", "NOT SENT", "missing.png"):
        assert value in output, value
    assert "missing.png\n  missing.png does not exist." in output


def test_long_names_are_divided_after_a_separator(invoke: Invoke) -> None:
    """Also IDs of requests, which contain hyphens."""
    name = "a-photo-with-a-long-name-from-a-camera-of-2026-11-22.with.many.dots.jpeg"
    table = run(invoke, 80, "submit", name).split("\n\n")[0]
    firsts = [line.split(" ")[0] for line in table.splitlines()]
    parts = firsts[firsts.index("File") + 1 :]
    assert "".join(parts) == name
    assert all(part[-1] in "-." for part in parts[:-1])


@pytest.mark.parametrize(
    ("command", "answer", "heads", "values"),
    [
        (
            ("presets", "list"),
            {"presets": [{"name": "web", "version": 2, "description": "For web pages.", "built_in": True}]},
            "Name Version Origin Description",
            ("web", "2", "built in", "For web pages."),
        ),
        (
            ("assets", "list"),
            {"assets": [{"name": "logo", "format": "PNG", "size": 830, "width": 40, "height": 20, "digest": "d"}]},
            "Name Format Dimensions Size",
            ("logo", "PNG", "40×20", "830 B"),
        ),
        (
            ("plan", "holiday.png"),
            {
                "ok": True,
                "picture": {"format": "PNG", "width": 4000, "height": 3000, "size": 2_800_000},
                "steps": [{"op": "resize", "width": 256, "height": 192}],
            },
            "Step Format Dimensions Size",
            ("image", "PNG", "4000×3000", "2.8 MB"),
        ),
        (
            ("dead-letters", "list"),
            {"dead_letters": [{"kind": "job", "id": JOB_ID, "reason": "X", "redrives": 1, "owner": "me"}]},
            "ID Kind Reason Since Owner Redrives",
            (JOB_ID, "job", "X", "-", "me", "1"),
        ),
        (
            ("dead-letters", "redrive", "--all"),
            {"redriven": 1, "refused": 0, "jobs": [JOB_ID], "refusals": []},
            "ID Status",
            (JOB_ID, "PENDING"),
        ),
        (
            ("delete", JOB_ID),
            {"id": JOB_ID, "objects": [], "object_count": 2, "bytes": 1200},
            "ID Status Code Objects Size",
            (JOB_ID, "DELETED", "-", "2", "1 KB"),
        ),
        (
            ("backfill", "--cancel", JOB_ID),
            {
                "id": JOB_ID,
                "status": "CLOSED",
                "done": True,
                "total": 3,
                "counts": {"cancelled": 3},
                "backfill": {"complete": True, "skipped": 0},
            },
            "Batch Jobs Count",
            (JOB_ID, "cancelled", "3"),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_terminal_shows_a_table(  # noqa: PLR0917 - a row of the table
    invoke: Invoke, api: Any, image_file: Path, command: tuple[str, ...], answer: Any, heads: str, values: Any
) -> None:
    """With headings and without tabs. Elsewhere the same values are separated by tabs."""
    assert image_file.exists()
    api.answers = [httpx.Response(200, json=answer)]
    output = run(invoke, 80, *command)
    assert "\t" not in output
    assert output.splitlines()[0].split() == heads.split()
    assert any(line.split() == " ".join(values).split() for line in output.splitlines())
    if command[0] != "backfill":
        api.answers = [httpx.Response(200, json=answer)]
        assert "\t".join(values) in invoke(*command).stdout.splitlines()


def test_verify_shows_a_table(invoke: Invoke, image_file: Path) -> None:
    """What was checked, its state and the detail."""
    invoke("submit", image_file, "--wait")
    lines = run(invoke, 80, "verify", "JOB00000").splitlines()
    assert [line.split() for line in lines] == [["Checked", "State", "Detail"], ["raw", "same", "why"]]
