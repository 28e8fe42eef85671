"""Requirements and threats: the modules and tests that the pages name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("docs/traceability.md", "docs/security.md")
NAMED = re.compile(r"`((?:api|safelight|simulation|docs|infra|notifier|shared|tests|web|worker)/[\w./-]+)(?:::(\w+))?`")


def rows(page: str) -> list[list[str]]:
    """Return the rows of a page's tables that end in a test, cell by cell."""
    lines = (ROOT / page).read_text("utf-8").splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| ") and "`tests/" in line]


@pytest.mark.parametrize("page", PAGES)
def test_every_named_file_and_test_exists(page: str) -> None:
    """Every named file and test exists."""
    found = NAMED.findall((ROOT / page).read_text("utf-8"))
    assert found
    for path, name in found:
        assert (ROOT / path).exists(), path
        assert not name or re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), name


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_code_and_a_test(page: str) -> None:
    """Each requirement and each threat."""
    assert len(rows(page)) > 10
    for row in rows(page):
        *_, place, test = row
        assert NAMED.search(place), row
        assert "`tests/" in test, row


def test_every_requirement_has_a_test() -> None:
    """Every requirement has a test."""
    lines = (ROOT / "docs" / "traceability.md").read_text("utf-8").splitlines()
    entries = [line for line in lines if line.startswith("| ") and not line.startswith(("| Requirement", "| ---"))]
    assert len(entries) == len(rows("docs/traceability.md"))
