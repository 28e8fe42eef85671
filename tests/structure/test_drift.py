"""Docs and code are made to differ on copies; the checks must notice."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import schemathesis
from schemathesis.core.failures import FailureGroup
from support import links
from support.doc_blocks import answers, workspace
from support.doc_blocks.commands import find_invalid_commands
from support.doc_blocks.page_runner import PageRunner
from support.doc_blocks.shell import Shell
from support.markdown_page import Fence, parse_page, read_page
from support.token_rules import ALLOWED, find_breach

ROOT = Path(__file__).parents[2]
OPENAPI = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
HELD = "tests/structure/test_openapi.py::test_the_document_is_current"


def once(text: str, old: str, new: str) -> str:
    """Replace what must be there exactly once."""
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Return a copy of all that pages and their links are about, and nothing built or installed."""
    kept = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml", *links.FOLDERS)
    for name in kept:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("page", "old", "new", "complaint"),
    [
        ("README.md", "(docs/faq.md)", "(docs/questions.md)", "docs/questions.md does not exist"),
        ("docs/faq.md", "presets.md#plans", "presets.md#sketches", "has no such heading"),
        ("docs/benchmarks.md", "`benchmarks/odd_images.py`", "`benchmarks/odd.py`", "there is no benchmarks/odd.py"),
        (
            "docs/web.md",
            "`tests/structure/test_web.py`",
            "`tests/structure/test_www.py`",
            "there is no tests/structure",
        ),
    ],
    ids=["dead link", "renamed heading", "script that is gone", "test that is gone"],
)
def test_a_broken_link_is_found(pages: Path, page: str, old: str, new: str, complaint: str) -> None:
    """By test_links.py, which reports only that."""
    path = pages / page
    assert not links.find_broken(pages, path)
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    (found,) = links.find_broken(pages, path)
    assert complaint in found


@pytest.mark.parametrize(
    ("room", "old", "new"),
    [
        (
            "api/jobs/schemas.py",
            "    filename: str\n    status: JobStatus\n",
            "    file_name: str\n    status: JobStatus\n",
        ),
        pytest.param("api/plans/routes.py", "        *PIPELINE_ERRORS,\n    ),", "    ),", marks=pytest.mark.thorough),
    ],
    ids=["renamed field", "status that is documented no more"],
)
def test_an_undocumented_response_is_found(pages: Path, room: str, old: str, new: str) -> None:
    """By test_openapi.py: the generated document differs."""
    path = pages / room
    path.write_text(once(path.read_text("utf-8"), old, new), "utf-8")
    run = subprocess.run(
        (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HELD),
        cwd=pages,
        env=os.environ | {"PYTHONPATH": str(pages)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"FAILED {HELD}" in run.stdout


def answered(status: int, body: object) -> httpx.Response:
    """Return an answer of a server."""
    response = httpx.Response(status, json=body, request=httpx.Request("GET", "https://api.example.com/v1/health"))
    response.elapsed = timedelta()
    return response


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (418, {"status": "ok", "version": "0"}, "UndefinedStatusCode"),
        (200, {"state": "ok", "version": "0"}, "JsonSchemaError"),
    ],
    ids=["undocumented status", "renamed field"],
)
def test_a_response_against_the_schema_is_found(status: int, body: object, why: str) -> None:
    """By test_conformance.py: schemathesis checks responses against the document."""
    operation = schemathesis.openapi.from_dict(OPENAPI)["/v1/health"]["GET"]
    case = operation.Case()
    case.validate_response(answered(200, {"status": "ok", "version": "0"}))
    with pytest.raises(FailureGroup) as caught:
        case.validate_response(answered(status, body))
    assert why in {type(each).__name__ for each in caught.value.exceptions}


def test_a_route_that_a_token_must_not_use_is_found() -> None:
    """By test_conformance.py. Routes of the document that a token may use are those of the code."""
    assert find_breach("GET", "/v1/jobs", 200, None)
    assert find_breach("GET", "/v1/jobs", 403, "FORBIDDEN")
    assert find_breach("GET", "/v1/jobs", 403, "TOKEN_FORBIDDEN") is None
    documented = {(method.upper(), path) for path, item in OPENAPI["paths"].items() for method in item}
    assert documented >= ALLOWED


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("safelight plan holiday.jpg --preset web", "safelight foresee holiday.jpg --preset web"),
        ("safelight plan holiday.jpg --preset web", "safelight plan holiday.jpg --prest web"),
        ("make demo ", "make demonstration "),
    ],
    ids=["command", "option", "target"],
)
def test_an_unknown_command_is_found(old: str, new: str) -> None:
    """By test_document_blocks.py in this folder, even if the block is not run."""
    text = "\n".join((ROOT / page).read_text("utf-8") for page in ("README.md", "docs/presets.md"))
    assert [each for fence in parse_page(once(text, old, new)).fences for each in find_invalid_commands(fence)]
    assert not [each for fence in parse_page(text).fences for each in find_invalid_commands(fence)]


@pytest.mark.parametrize(
    "block",
    ["```sh\nfalse\n```", "```sh\nNAME=a\n```\n\n```sh\necho $OTHER\n```", "```console\n$ echo one\ntwo\n```"],
    ids=["failing command", "variable that nobody set", "other output"],
)
def test_a_wrong_output_is_found(tmp_path: Path, block: str) -> None:
    """By test_document_blocks.py in tests/e2e: the run stops at that line."""
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{block}\n", "utf-8")
    folder = tmp_path / "workspace"
    folder.mkdir()
    environment = workspace.make_environment("http://127.0.0.1:1/v1", "http://127.0.0.1:1", tmp_path)
    runner = PageRunner(Shell(folder, environment), OPENAPI)
    with pytest.raises(AssertionError) as caught:
        runner.run(page)
    assert caught.value.__notes__[0].startswith("page.md:")


def shown_answer(fence: Fence) -> bool:
    """Return True if a block of docs/bulk.md shows a batch."""
    return fence.language == "json" and '"finished_at"' in fence.text


@pytest.mark.parametrize(
    "change",
    [lambda shown: {**shown, "complete": True}, lambda shown: {**shown, "total": "2"}],
    ids=["field that is not there", "other type"],
)
def test_a_wrong_response_on_a_page_is_found(change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """By test_document_blocks.py in tests/e2e: a response is checked against its schema or a real one."""
    (fence,) = filter(shown_answer, read_page(ROOT / "docs" / "bulk.md").fences)
    shown = json.loads(fence.text)
    schema = answers.get_response_schema(OPENAPI, "GET", "/v1/batches/{batch_id}", "200")
    assert not answers.find_schema_violations(shown, schema, OPENAPI)
    assert answers.find_schema_violations(change(shown), schema, OPENAPI)
    assert answers.find_differences(change(shown), shown)
