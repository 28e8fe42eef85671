"""docs/openapi.json is what the code makes."""

import json
from pathlib import Path

import pytest

from api.app import app
from api.openapi import document

PAGE = Path(__file__).parents[2] / "docs" / "openapi.json"


def written() -> str:
    """Return the document as it stands in the repository, for a stack of nobody's."""
    return json.dumps(document(app, "https://api.example.com/prod"), indent=1, ensure_ascii=False) + "\n"


def test_the_document_is_that_of_the_code(request: pytest.FixtureRequest) -> None:
    """A route, a field or a status that changes is a change of the document that somebody reads."""
    if request.config.getoption("--write-docs"):
        PAGE.write_text(written(), "utf-8")
    assert PAGE.read_text("utf-8") == written(), "run pytest tests/structure/test_openapi.py --write-docs"


def test_every_operation_says_what_can_go_wrong_with_an_example() -> None:
    """Each error of each operation is shown as a caller would see it."""
    paths = json.loads(written())["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    assert len(operations) > len(paths)
    for operation in operations:
        problems = [
            answer["content"]["application/problem+json"]
            for answer in operation["responses"].values()
            if "application/problem+json" in answer.get("content", {})
        ]
        assert problems
        for problem in problems:
            assert problem["examples"]
            assert all(code == each["value"]["code"] for code, each in problem["examples"].items())
