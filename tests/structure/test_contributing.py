"""The files that CONTRIBUTING.md lists for common tasks: few, existing and, for operations, complete."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Largest number of code files by task.
MOST = {
    "an operation": 5,
    "an output format": 7,
    "an error code": 4,
    "an alarm": 1,
    "a field of the job that the caller chooses": 9,
    "a command": 3,
}


def listed(task: str) -> list[str]:
    """Return the paths in the row of a task."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    row = re.search(rf"^\| {task} \|(.*)\|$", page, re.MULTILINE)
    assert row, task
    return re.findall(r"`([\w./]+)`", row[1])


@pytest.mark.parametrize("task", MOST)
def test_a_task_touches_few_files(task: str) -> None:
    """Each listed file exists, and there are not too many."""
    files = listed(task)
    assert 0 < len(files) <= MOST[task]
    assert all((ROOT / name).exists() for name in files)


def test_the_files_of_an_operation_are_complete() -> None:
    """The listed files, except sizes, are those that name an existing operation of that family."""
    folders = ("api", "infra", "notifier", "safelight", "shared", "web", "worker")
    sources = (path for folder in folders for kind in ("*.py", "*.js") for path in (ROOT / folder).rglob(kind))
    found = {
        path for path in sources if "node_modules" not in path.parts and "sharpen" in path.read_text("utf-8").lower()
    }
    assert found == {ROOT / name for name in listed("an operation") if not name.endswith("sizes.py")}
