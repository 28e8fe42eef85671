"""The demo: the bundled images through a running API, and a look at what came out."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from safelight.cli.rendering import documents, lines, progress, tables, text
from safelight.cli.submission import Order, Outcome, submit_all
from safelight.client import Safelight

PICTURES = Path(__file__).parents[1] / "demo_images"
#: Begins like an image, so that it is accepted, and is none, so that its job fails.
NO_PICTURE = "not-a-picture.png"
EXPECTED_CODE = "NOT_AN_IMAGE"
#: Longest wait for one image: a function's first start on a slow machine included.
PATIENCE_SECONDS = 120.0
#: Columns of the table where no terminal sets a width.
PLAIN_WIDTH = 120
_SUFFIXES = frozenset({".jpg", ".png", ".webp"})


def demo_pictures(folder: Path = PICTURES) -> list[Path]:
    """Return the images, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)


def run_demo(
    client: Safelight,
    *,
    out: Path,
    ui_url: str,
    as_json: bool = False,
    pictures: Path = PICTURES,
) -> bool:
    """Put all images through the API at once, download the results to ``out``, and show how it went.

    Returns whether it went as expected: every image COMPLETED, and the one that is none FAILED.
    """
    files = demo_pictures(pictures)
    order = Order(wait=True, timeout=PATIENCE_SECONDS, out=out)
    console = Console()
    with progress.shown(len(files), console, as_json=as_json, short=True) as report:
        outcomes = submit_all(client, files, order, parallel=len(files), report=report)
    as_expected = all(is_as_expected(outcome) for outcome in outcomes)
    if as_json:
        places = {"api_url": client.api_url, "ui_url": ui_url, "results": str(out)}
        documents.print_document({"as_expected": as_expected, **places, **documents.outcomes_document(outcomes)})
        return as_expected
    typer.echo()
    tables.print_demo(outcomes, console if console.is_terminal else Console(width=PLAIN_WIDTH))
    _explain(outcomes)
    typer.echo(next_steps(client.api_url, ui_url, out))
    return as_expected


def is_as_expected(outcome: Outcome) -> bool:
    """Tell whether an image was processed, or the one that is none refused for that reason."""
    if outcome.file.name != NO_PICTURE:
        return outcome.ok and bool(outcome.saved)
    return outcome.job is not None and outcome.job.error is not None and outcome.job.error.code == EXPECTED_CODE


def next_steps(api_url: str, ui_url: str, out: Path) -> str:
    """Return what to look at and what to try, with the addresses of this very stack."""
    picture = shlex.quote(str(_from_here(PICTURES / "astronaut.jpg")))
    folder = shlex.quote(text.printable(str(out)))
    command = shlex.quote(_command())
    return f"""
Results    {text.printable(str(out))}/
API        {api_url}
Browser    {ui_url}

Try next:
  {command} list
  {command} submit {picture} --width 300 --format webp --color --out {folder}
  curl --data-binary @{picture} -H 'Content-Type: image/jpeg' '{api_url}/jobs?filename=astronaut.jpg'
  base64 -w 0 {picture} > photo.txt
  curl --data-binary @photo.txt -H 'Content-Type: text/plain' -H 'Prefer: wait=20' '{api_url}/jobs'
  {command} down"""


def _command() -> str:
    """Return what to type for this command: its name where the shell finds it, else its path."""
    return "safelight" if shutil.which("safelight") else str(_from_here(Path(sys.argv[0])))


def _from_here(path: Path) -> Path:
    """Return the path as one would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _explain(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.file.name == NO_PICTURE and is_as_expected(outcome):
            typer.echo(f"\n{NO_PICTURE} failed, as it should: it only begins like a picture.")
        elif not is_as_expected(outcome):
            typer.echo(
                f"\n{outcome.file.name} did not go as expected: {lines.reason(outcome) or 'no result'}", err=True
            )
