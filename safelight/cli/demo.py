"""The demo: sample files, their submission, and an explanation of the results."""

import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from safelight.api_options import DEFAULT_OPTIONS, LOSSY_FORMATS
from safelight.cli.rendering import documents, lines, text
from safelight.cli.rendering.prose import print_text
from safelight.cli.submission import Outcome, SubmitOptions, submit_all
from safelight.client import Safelight
from safelight.errors import LocalFileError

IMAGES_FOLDER = Path(__file__).parents[1] / "demo_images"
#: The API accepts this file because it starts with the signature of a PNG file. Its job fails.
INVALID_IMAGE = "not-an-image.png"
EXPECTED_CODE = "NOT_AN_IMAGE"
#: What the demo shows first. Its results are smaller than the files.
PRESET = "web"
#: The image that is also processed without options.
DEFAULT_EXAMPLE = "astronaut.jpg"
#: The sample files are copied to this folder in the folder of the results.
ORIGINALS_FOLDER = "originals"
#: More jobs at a time would only make a busy machine start more processes.
CONCURRENCY = 4
#: While processes start on a busy machine, the API refuses requests for minutes. The delay is at most 20 s.
RETRIES = 60
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
    """Process all sample files with the preset, and one without options. Store the results in ``out``, and print them.

    No step has a time limit, because a first run on a busy machine can be slow. Return True if every job ended as
    expected.
    """
    patient = client.with_retries(RETRIES)
    files = list_images(images)
    say: Callable[[str], None] = (lambda _: None) if as_json else print_text
    count = sum(file.name != INVALID_IMAGE for file in files)
    say(f"Processing {count} images with the preset {PRESET}, and a file that is not an image:\n")
    say(_format_row("File", "Original", "Result", "Smaller by"))
    outcomes = _submit(patient, files, SubmitOptions(wait=True, out=out, preset=PRESET), say)
    say(_format_total(outcomes))
    say(f"\n{describe_default_pipeline()} For example:\n")
    outcomes += _submit(patient, [images / DEFAULT_EXAMPLE], SubmitOptions(wait=True, out=out), say)
    as_expected = all(is_as_expected(outcome) for outcome in outcomes)
    copy_originals(files, out / ORIGINALS_FOLDER)
    if as_json:
        addresses = {"api_url": client.api_url, "ui_url": ui_url, "results": str(out)}
        documents.print_document({"as_expected": as_expected, **addresses, **documents.describe_outcomes(outcomes)})
        return as_expected
    _print_failures(outcomes)
    # Without wrapping, because the commands are to be copied.
    typer.echo(describe_next_steps(client.api_url, ui_url, out))
    return as_expected


def copy_originals(files: Sequence[Path], folder: Path) -> None:
    """Copy the sample files to a folder, so that they have short names. Raises LocalFileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise LocalFileError(f"{folder} can't be written ({error.strerror or error}).") from error


def _submit(
    client: Safelight, files: Sequence[Path], options: SubmitOptions, say: Callable[[str], None]
) -> list[Outcome]:
    """Process files, and print a row for each as soon as its job has ended."""
    return submit_all(
        client, files, options, concurrency=CONCURRENCY, on_outcome=lambda outcome: say(_describe(outcome))
    )


def _describe(outcome: Outcome) -> str:
    """Return the row of a file: sizes, or how its job failed."""
    name = outcome.file.name
    if outcome.job is not None and outcome.ok and outcome.saved:
        before, after = _sizes(outcome)
        return _format_row(name, text.format_size(before), text.format_size(after), _format_saving(before, after))
    if is_as_expected(outcome):
        return _format_row(name, text.format_size(_sizes(outcome)[0]), "failed", "as expected: not an image")
    return _format_row(name, "", "FAILED", "")


def _format_total(outcomes: Sequence[Outcome]) -> str:
    sizes = [_sizes(outcome) for outcome in outcomes if outcome.ok and outcome.saved]
    before, after = sum(size for size, _ in sizes), sum(size for _, size in sizes)
    return _format_row(
        f"{len(sizes)} images", text.format_size(before), text.format_size(after), _format_saving(before, after)
    )


def _sizes(outcome: Outcome) -> tuple[int, int]:
    """Return the bytes of the image and of its results."""
    raw = outcome.job.raw.size if outcome.job is not None else None
    return raw or 0, sum(path.stat().st_size for path in outcome.saved)


def _format_saving(before: int, after: int) -> str:
    if not before:
        return "-"
    percent = round(100 * (1 - after / before))
    return f"{percent} %" if percent >= 0 else f"{-percent} % larger"


def _format_row(name: str, original: str, result: str, saving: str) -> str:
    return f"{name:<24}{original:>9}{result:>9}   {saving}".rstrip()


def is_as_expected(outcome: Outcome) -> bool:
    """Return True if an image was processed, or if the invalid file failed with ``EXPECTED_CODE``."""
    if outcome.file.name != INVALID_IMAGE:
        return outcome.ok and bool(outcome.saved)
    return outcome.job is not None and outcome.job.error is not None and outcome.job.error.code == EXPECTED_CODE


def describe_next_steps(api_url: str, ui_url: str, out: Path) -> str:
    """Return the URLs of this stack, and commands to try. Long commands continue in a second line."""
    results = text.escape(str(out))
    folder = shlex.quote(results)
    image = shlex.quote(text.escape(str(out / ORIGINALS_FOLDER / DEFAULT_EXAMPLE)))
    command = shlex.quote(_find_command())
    return f"""
Done. The stack keeps running. The results are in {results}/,
and the sample files in {results}/{ORIGINALS_FOLDER}/.

Web page   {ui_url}
API        {api_url}

Try next:
  {command} list
  {command} submit {image} \\
    --width 300 --format webp --color --out {folder}
  API={api_url}
  curl --data-binary @{image} \\
    "$API/jobs?preset=web&filename={DEFAULT_EXAMPLE}"
  base64 < {image} | curl --data-binary @- \\
    -H 'Content-Type: text/plain' "$API/jobs?preset=web"
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
    return "safelight" if shutil.which("safelight") else text.shorten_path(sys.argv[0])


def _print_failures(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if not is_as_expected(outcome):
            failure = lines.format_failure(outcome) or "no result"
            print_text(f"\n{outcome.file.name} did not end as expected: {failure}", err=True)
