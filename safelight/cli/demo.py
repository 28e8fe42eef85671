"""The demo: sample files, their submission, and an explanation of the results."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from safelight.api_options import DEFAULT_OPTIONS, LOSSY_FORMATS
from safelight.cli.rendering import documents, lines, progress, tables, text
from safelight.cli.submission import Outcome, SubmitOptions, submit_all
from safelight.client import Safelight

IMAGES_FOLDER = Path(__file__).parents[1] / "demo_images"
#: The API accepts this file because it starts with the signature of a PNG file. Its job fails.
INVALID_IMAGE = "not-an-image.png"
EXPECTED_CODE = "NOT_AN_IMAGE"
#: Maximum wait for one job. It includes the cold start of a function on a slow machine.
TIMEOUT_SECONDS = 120.0
_SUFFIXES = frozenset({".jpg", ".png", ".webp"})


def list_images(folder: Path = IMAGES_FOLDER) -> list[Path]:
    """Return the sample files, sorted by name. All are images except ``INVALID_IMAGE``."""
    return sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)


def run_demo(
    client: Safelight,
    *,
    out: Path,
    ui_url: str,
    as_json: bool = False,
    images: Path = IMAGES_FOLDER,
) -> bool:
    """Process all sample files concurrently, download the results to ``out`` and print them.

    Return True if every job ended as expected.
    """
    files = list_images(images)
    options = SubmitOptions(wait=True, timeout=TIMEOUT_SECONDS, out=out)
    console = Console()
    if not as_json:
        count = sum(file.name != INVALID_IMAGE for file in files)
        typer.echo(f"Processing {count} images, and a file that is not an image.")
    with progress.show_progress(len(files), console, as_json=as_json, names_only=True) as on_outcome:
        outcomes = submit_all(client, files, options, concurrency=len(files), on_outcome=on_outcome)
    as_expected = all(is_as_expected(outcome) for outcome in outcomes)
    if as_json:
        addresses = {"api_url": client.api_url, "ui_url": ui_url, "results": str(out)}
        documents.print_document({"as_expected": as_expected, **addresses, **documents.describe_outcomes(outcomes)})
        return as_expected
    if console.is_terminal:
        # Elsewhere, show_progress has printed a line for each file.
        typer.echo()
        tables.print_demo(outcomes, console)
    typer.echo(f"\n{describe_default_pipeline()}")
    _print_explanations(outcomes)
    typer.echo(describe_next_steps(client.api_url, ui_url, out))
    return as_expected


def is_as_expected(outcome: Outcome) -> bool:
    """Return True if an image was processed, or if the invalid file failed with ``EXPECTED_CODE``."""
    if outcome.file.name != INVALID_IMAGE:
        return outcome.ok and bool(outcome.saved)
    return outcome.job is not None and outcome.job.error is not None and outcome.job.error.code == EXPECTED_CODE


def describe_next_steps(api_url: str, ui_url: str, out: Path) -> str:
    """Return the URLs of this stack, and commands to try."""
    image = shlex.quote(str(_make_relative(IMAGES_FOLDER / "astronaut.jpg")))
    folder = shlex.quote(text.escape(str(out)))
    command = shlex.quote(_find_command())
    return f"""
Results    {text.escape(str(out))}/
API        {api_url}
Web page   {ui_url}

Try next:
  {command} list
  {command} submit {image} --preset web --out {folder}
  {command} submit {image} --width 300 --format webp --color --out {folder}
  curl --data-binary @{image} -H 'Content-Type: image/jpeg' '{api_url}/jobs?preset=web&filename=astronaut.jpg'
  base64 -w 0 {image} | curl --data-binary @- -H 'Content-Type: text/plain' '{api_url}/jobs?preset=web'
  {command} down"""


def describe_default_pipeline() -> str:
    """Return what happens to an image without options, in one or two sentences."""
    width, height, file_format = (DEFAULT_OPTIONS[name] for name in ("width", "height", "format"))
    gray = "converted to grayscale and " if DEFAULT_OPTIONS["grayscale"] == "true" else ""
    steps = (
        f"By default, an image is scaled down to fit {width} × {height} pixels, {gray}saved as {file_format.upper()}."
    )
    if file_format in LOSSY_FORMATS:
        return steps
    return f"{steps} {file_format.upper()} is lossless, so a result can be larger than its JPEG or WebP original."


def _find_command() -> str:
    """Return how to call this command: its name if the shell finds it, else its path."""
    return "safelight" if shutil.which("safelight") else str(_make_relative(Path(sys.argv[0])))


def _make_relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _print_explanations(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if not is_as_expected(outcome):
            failure = lines.format_failure(outcome) or "no result"
            typer.echo(f"\n{outcome.file.name} did not end as expected: {failure}", err=True)
        elif outcome.file.name == INVALID_IMAGE:
            typer.echo(f"\n{INVALID_IMAGE} is not an image: it has only the signature of one. It failed as expected.")
