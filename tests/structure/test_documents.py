"""The documents are held to the code: each error, route, attribute, command and lock file."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import typer
from support.sample_jobs import LATER, RAW, make_processing_job

import api.app  # noqa: F401 - all
import worker.app  # noqa: F401 - all errors must be defined before they are counted
from safelight.cli.app import app as command
from shared.aws.dynamodb.job_item import to_item
from shared.errors import error_classes
from shared.jobs.job import JobFailure, JobStatus, ProcessedImage

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    """Return a document."""
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("error", sorted({error.code for error in error_classes()}))
def test_every_error_code_is_documented(error: str) -> None:
    """docs/errors.md has a row for each code."""
    assert f"| `{error}` |" in text("docs/errors.md")


def test_no_error_code_is_invented() -> None:
    """docs/errors.md documents no code that does not exist."""
    documented = set(re.findall(r"^\| `([A-Z_0-9]+)` \|", text("docs/errors.md"), re.MULTILINE))
    assert documented == {error.code for error in error_classes()}


def test_documented_errors_match_the_code(request: pytest.FixtureRequest) -> None:
    """Each row of docs/errors.md has the status, the retryability and the title of its error."""
    # A parent shares its code with the child that names it; the parent is documented.
    errors = {error.code: error for error in reversed(list(error_classes()))}
    rows = {
        code: f"| `{code}` | {error.status} | {'yes' if error.retriable else 'no'} | {error.title} |"
        for code, error in errors.items()
    }
    if request.config.getoption("--write-docs"):
        row = re.compile(r"^\| `([A-Z_0-9]+)` \|[^|]*\|[^|]*\|[^|]*\|", re.MULTILINE)
        page = row.sub(lambda match: rows.get(match[1], match[0]), text("docs/errors.md"))
        (ROOT / "docs/errors.md").write_text(page, "utf-8")
    missing = [row for row in rows.values() if row not in text("docs/errors.md")]
    assert not missing, "run pytest tests/structure/test_documents.py --write-docs"


def test_the_api_describes_the_documented_errors(request: pytest.FixtureRequest) -> None:
    """api/errors/descriptions.json has the rows of docs/errors.md, without the targets of links."""
    errors = {error.code: error for error in reversed(list(error_classes()))}
    rows = re.findall(r"^\| `([A-Z_0-9]+)` \|.*\| ([^|]*) \|$", text("docs/errors.md"), re.MULTILINE)
    described = {
        code: {
            "status": errors[code].status,
            "title": errors[code].title,
            "what_to_do": re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", what_to_do),
            "retriable": errors[code].retriable,
        }
        for code, what_to_do in rows
    }
    path = ROOT / "api/errors/descriptions.json"
    written = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    if request.config.getoption("--write-docs"):
        path.write_text(written, "utf-8")
    assert path.read_text("utf-8") == written, "run pytest tests/structure/test_documents.py --write-docs"


def test_every_attribute_is_in_the_data_dictionary() -> None:
    """docs/data-dictionary.md lists each attribute that a record can have."""
    facts = ProcessedImage(
        name="image", key="k", size=1, width=1, height=1, format="PNG", media_type="image/png", digest="00"
    )
    completed = make_processing_job().complete(raw=RAW, outputs=(facts,), warnings=("w",), now=LATER)
    failed = make_processing_job().fail(JobFailure(code="X", message="m", retriable=False), now=LATER)
    attributes = {
        name for job in (make_processing_job(), completed, failed) for name in to_item(job, "bucket", listing_shards=4)
    }
    documented = set(re.findall(r"^\| `(\w+)` \|", text("docs/data-dictionary.md"), re.MULTILINE))
    assert attributes <= documented


def test_every_status_is_explained() -> None:
    """docs/data-dictionary.md names each status."""
    assert all(status.value in text("docs/data-dictionary.md") for status in JobStatus)


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_files_of_the_documented_commands_are_ignored(page: str) -> None:
    """A user who copies the commands of a page into a checkout gets no untracked files."""
    commands = "\n".join(re.findall(r"^```(?:sh|console)\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE))
    written = set(re.findall(r"(?:> | --output | -o )([\w-]+\.\w+)", commands))
    assert {f"/{name}" for name in written} <= set(text(".gitignore").splitlines())


def test_every_client_error_is_documented() -> None:
    """docs/command-line.md has a row for each code of the client."""
    pattern = re.compile(r"^    code = \"([A-Z_]+)\"$", re.MULTILINE)
    codes = {code for path in (ROOT / "safelight").rglob("*.py") for code in pattern.findall(path.read_text("utf-8"))}
    assert codes <= set(re.findall(r"`([A-Z_]+)`", text("docs/command-line.md")))


def test_every_command_is_documented() -> None:
    """docs/command-line.md mentions each command."""
    group = typer.main.get_command(command)
    for name in group.commands:  # type: ignore[attr-defined] # a Typer application is a group
        assert f"safelight {name}" in text("docs/command-line.md"), name


@pytest.mark.parametrize(
    "lock", ["api", "worker", "notifier", "local", "dev", "bench", "audit", "checkov", "lambda-box"]
)
def test_lock_file_is_pinned_and_names_no_index(lock: str) -> None:
    """Each requirement has one version and hashes, and nothing says where it was fetched."""
    content = text(f"requirements/{lock}.txt")
    assert "index-url" not in content
    assert "://" not in content
    requirements = [block for block in re.split(r"\n(?=\S)", content) if re.match(r"[a-z0-9]", block, re.IGNORECASE)]
    assert requirements
    for requirement in requirements:
        assert re.match(r"[\w.\[\]-]+==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_lock_files_cover_what_the_project_asks_for() -> None:
    """Each declared dependency is in its lock file, and all lock files agree on versions."""
    project = tomllib.loads(text("pyproject.toml"))
    pins = {
        name: dict(re.findall(r"^([\w.-]+)==(\S+)", text(f"requirements/{name}.txt"), re.MULTILINE))
        for name in (
            "api",
            "worker",
            "notifier",
            "local",
            "dev",
            "bench",
            "audit",
            "checkov",
            "generators",
            "lambda-box",
        )
    }
    for group, entries in project["dependency-groups"].items():
        names = [re.split(r"[<>=\[]", entry)[0].lower() for entry in entries if isinstance(entry, str)]
        assert not [name for name in names if name.replace("_", "-") not in pins[group]], group
    for group in ("api", "worker", "notifier", "local", "bench", "audit"):
        # What only the benchmarks need is in no other lock file.
        assert not {name for name, version in pins[group].items() if pins["dev"].get(name, version) != version}
