"""docs/openapi.json is generated from the code."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.doc_blocks.answers import find_schema_violations

from api.app import app
from api.openapi.document import document

PAGE = Path(__file__).parents[2] / "docs" / "openapi.json"


BINARY = "application/octet-stream"


@cache
def written() -> str:
    """Return the document as it stands in the repository, for a stack of nobody's."""
    return json.dumps(document(app, "https://api.example.com/prod"), indent=1, ensure_ascii=False) + "\n"


def test_the_document_is_current(request: pytest.FixtureRequest) -> None:
    """Any change of a route, field or status changes the document."""
    if request.config.getoption("--write-docs"):
        PAGE.write_text(written(), "utf-8")
    assert PAGE.read_text("utf-8") == written(), "run pytest tests/structure/test_openapi.py --write-docs"


def test_every_error_of_an_operation_has_an_example() -> None:
    """As a caller would see it."""
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


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each body of each request and of each answer that is well, with its place."""
    for path, operations in json.loads(written())["paths"].items():
        for method, operation in operations.items():
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                if content["schema"].get("contentMediaType") != BINARY:
                    yield f"{method} {path} {media}", content
            for status, answer in operation["responses"].items():
                if status < "400":
                    yield from (
                        (f"{method} {path} {status}", content) for content in answer.get("content", {}).values()
                    )


@pytest.mark.parametrize(
    ("place", "content"), tuple(bodies()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_body_has_a_valid_example(place: str, content: dict[str, Any]) -> None:
    """Examples match their schemas and have no unknown fields; image bodies have none."""
    document = json.loads(written())
    assert content.get("examples"), (
        f"{place}: add its example to api/openapi/examples.json, under the name of its schema"
    )
    for name in content["examples"]:
        shown = document["components"]["examples"][name]["value"]
        schema = {**content["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(shown)
        assert not find_schema_violations(shown, content["schema"], document)


def test_every_example_is_used() -> None:
    """Every example is used."""
    shown = {name for _, content in bodies() for name in content["examples"]}
    assert set(json.loads(written())["components"]["examples"]) == shown
