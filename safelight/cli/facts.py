"""``safelight facts``: show facts about images."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from safelight.cli import options as opts
from safelight.cli.rendering import documents, tables, text
from safelight.cli.rendering.prose import print_text
from safelight.cli.wiring import connect
from safelight.client import Safelight
from safelight.errors import ClientError, Unreachable
from safelight.models import Facts, Job

EXAMPLES = """Examples:

safelight facts holiday.jpg

safelight facts *.jpg --gps --json | jq '.files[].facts.gps'

safelight facts 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""

#: A pipeline that costs little. Its result is not used.
PIPELINE: Final[Mapping[str, Any]] = {
    "operations": [{"op": "resize", "width": 64, "height": 64}],
    "outputs": [{"format": "webp"}],
}
_JOB_ID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")

Names = Annotated[list[str], typer.Argument(metavar="FILE", help="Image files, or IDs of jobs.", show_default=False)]
Gps = Annotated[bool, typer.Option("--gps", help="Also show where the photograph was taken.")]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the jobs. By default, they are deleted afterwards.")]


class FactsMissing(ClientError):
    """A job has no facts."""

    code = "FACTS_MISSING"


def facts(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    names: Names,
    *,
    gps: Gps = False,
    keep: Keep = False,
    api_url: opts.ApiUrl = None,
    as_json: opts.Json = False,
) -> None:
    """Show facts about images, such as the camera, the main colors and the caption.

    For each file, a small job is created and deleted again. For the ID of a completed job, its facts are shown.

    If a file fails, the command continues with the others.
    """
    found: dict[str, Facts] = {}
    errors: dict[str, ClientError] = {}
    with connect(context, api_url) as client:
        for name in dict.fromkeys(names):
            try:
                found[name] = _read_facts(client, name, gps=gps, keep=keep)
            except ClientError as error:
                errors[name] = error
                if isinstance(error, Unreachable):
                    break
    _print_facts(found, errors, as_json=as_json)
    if not errors:
        raise typer.Exit(opts.EXIT_SUCCESS)
    unreachable = not found and all(isinstance(error, Unreachable) for error in errors.values())
    raise typer.Exit(opts.EXIT_NOT_RUN if unreachable else opts.EXIT_PARTIAL_FAILURE)


def _read_facts(client: Safelight, name: str, *, gps: bool, keep: bool) -> Facts:
    """Return the facts of a file or a job. Raises FactsMissing if there are none."""
    if _JOB_ID.fullmatch(name) and not Path(name).exists():
        return _require_facts(client.status(name))
    job = client.submit(Path(name), pipeline=PIPELINE, options={"facts": {"gps": gps}})
    job = client.wait(job.id)
    try:
        return _require_facts(job)
    finally:
        if not keep:
            client.delete(job.id)


def _require_facts(job: Job) -> Facts:
    if job.facts is not None:
        return job.facts
    if job.error is not None:
        raise FactsMissing(f"The image can't be processed: {job.error.message} ({job.error.code})")
    raise FactsMissing(f"Job {job.id} has no facts. Its status is {job.status}.")


def _print_facts(found: Mapping[str, Facts], errors: Mapping[str, ClientError], *, as_json: bool) -> None:
    """Print the facts as JSON, or one per row. Errors go to standard error."""
    if as_json:
        files = [{"file": name, "facts": each.document(), "error": None} for name, each in found.items()]
        files += [
            {"file": name, "facts": None, "error": documents.describe_error(error)} for name, error in errors.items()
        ]
        documents.print_document({"files": files})
        return
    rows: list[Sequence[str]] = []
    for name, each in found.items():
        prefix = (name,) if len(found) > 1 else ()
        rows += [(*prefix, *row) for row in _list_rows(each.document())]
    heads = ("File", "Fact", "Value") if len(found) > 1 else ("Fact", "Value")
    tables.print_rows(heads, rows, Console())
    for name, error in errors.items():
        print_text(f"{text.escape(name)}: {text.format_error(error)}", err=True)


def _list_rows(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and value of each fact that is known."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _list_rows(value, f"{prefix}{name}.")
        elif value not in (None, [], ()):
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield f"{prefix}{name}", shown.lower() if isinstance(value, bool) else shown
