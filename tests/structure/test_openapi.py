"""docs/openapi.json is generated from the code."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.doc_blocks.answers import find_schema_violations

from api.app import app
from api.openapi.document import document
from api.openapi.image_bodies import BINARY
from infra.deployment.template import load_template

PAGE = Path(__file__).parents[2] / "docs" / "openapi.json"


EXAMPLES = Path(__file__).parents[2] / "api" / "openapi" / "examples.json"
CLIENT = Path(__file__).parents[2] / "clients" / "typescript"


@cache
def written() -> str:
    """Return the document as it stands in the repository, for a stack of nobody's."""
    return json.dumps(document(app, "https://api.example.com/prod"), indent=1, ensure_ascii=False) + "\n"


def test_the_document_is_current(request: pytest.FixtureRequest) -> None:
    """Any change of a route, field or status changes the document."""
    if request.config.getoption("--write-docs"):
        PAGE.write_text(written(), "utf-8")
        write_types(request)
    assert PAGE.read_text("utf-8") == written(), "run pytest tests/structure/test_openapi.py --write-docs"


def write_types(request: pytest.FixtureRequest) -> None:
    """Write the types of the TypeScript client, or say how, if its tools are not installed.

    tests/browser/test_typescript_client.py compares them with the document.
    """
    if (CLIENT / "node_modules").is_dir():
        subprocess.run(["npm", "run", "--silent", "generate"], cwd=CLIENT, check=True)  # noqa: S607 - the npm of the user
    else:
        request.node.user_properties.append(("shown", "Then run: cd clients/typescript && npm ci && npm run generate"))


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
                if content["schema"] != BINARY:
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
    for each in content["examples"].values():
        shown = each["value"]
        schema = {**content["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(shown)
        assert not find_schema_violations(shown, content["schema"], document)


def test_every_example_is_used() -> None:
    """Every example is used."""
    shown = {name for _, content in bodies() for name in content["examples"]}
    known = json.loads(EXAMPLES.read_text("utf-8"))
    assert {*known["requests"], *known["answers"]} == shown


def operations() -> list[dict[str, Any]]:
    """Return all operations of the document."""
    return [operation for path in json.loads(written())["paths"].values() for operation in path.values()]


def test_no_example_has_a_reference() -> None:
    """Code generators try to resolve every reference, also in the schemas that the capabilities show."""
    assert '"$ref"' not in json.dumps([*find_members(json.loads(written()), {"example", "examples"})])


def test_every_operation_is_described_for_code_generators() -> None:
    """An ID that is a method name, a tag with a description, and a description."""
    document = json.loads(written())
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    identifiers = [operation["operationId"] for operation in operations()]
    assert len(set(identifiers)) == len(identifiers)
    for operation in operations():
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", operation["operationId"]), operation["operationId"]
        assert set(operation["tags"]) <= described, operation["operationId"]
        assert operation["description"].endswith(".")
        assert "\n" not in operation["description"].replace("\n\n", "")
    assert {"createJob", "getJob", "createUpload", "getCapabilities"} <= set(identifiers)


def test_every_parameter_has_a_schema_without_null() -> None:
    """A parameter with content has no schema, and a query parameter can't be null."""
    for operation in operations():
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"], parameter["name"]
            assert {"type": "null"} not in parameter["schema"].get("anyOf", ())


def test_no_schema_has_null_as_default() -> None:
    """openapi-typescript would require the property in every request."""
    assert None not in [*find_members(json.loads(written())["components"]["schemas"], {"default"})]


def test_files_and_raw_bodies_are_binary() -> None:
    """In the form that code generators know."""
    for path, method in (("/v1/jobs", "post"), ("/v1/assets/{name}", "put")):
        content = json.loads(written())["paths"][path][method]["requestBody"]["content"]
        form = content["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
        assert json.loads(written())["components"]["schemas"][form]["properties"]["file"] == BINARY
        assert content["application/octet-stream"]["schema"] == BINARY


def test_the_document_names_server_license_and_authentication() -> None:
    """There is one security scheme for each value of ApiAuth except none, and one for upload tokens."""
    document = json.loads(written())
    assert document["info"]["license"]["name"] == "Apache-2.0"
    assert document["servers"][0]["variables"]["baseUrl"]["default"] == "https://api.example.com/prod"
    parameters = load_template()["Parameters"]
    schemes = {"iam": "iam", "api-key": "apiKey", "cognito": "cognito", "none": None}
    assert set(schemes) == set(parameters["ApiAuth"]["AllowedValues"])
    assert set(document["components"]["securitySchemes"]) == {*filter(None, schemes.values()), "uploadToken"}
    assert [*document["security"]] == [{name: []} if name else {} for name in schemes.values()]
    assert {"uploadToken": []} in document["paths"]["/v1/jobs"]["post"]["security"]
    assert "security" not in document["paths"]["/v1/tokens"]["post"]


def test_every_schema_is_used() -> None:
    """The schemas of Powertools' own errors are left out."""
    text = written()
    for name in json.loads(text)["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, name
    assert "HTTPValidationError" not in text


def find_members(value: Any, names: set[str]) -> Iterator[Any]:
    """Yield the members with these names, anywhere in a JSON value, except fields of a schema."""
    if isinstance(value, list):
        for each in value:
            yield from find_members(each, names)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in names:
                yield each
            else:
                yield from find_members([*each.values()] if name == "properties" else each, names)
