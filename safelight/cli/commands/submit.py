"""``safelight submit``: one job per file."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from safelight.cli.options import ALL_WELL, COULD_NOT_RUN, SOME_FAILED, ApiUrl, Json, read_pipeline, short_options
from safelight.cli.rendering import documents, progress, tables, text
from safelight.cli.submission import Order, Outcome, Picture, named, submit_all, summary
from safelight.cli.wiring import connect
from safelight.client import Safelight

EXAMPLES = """Examples:

safelight submit holiday.jpg

safelight submit *.jpg --width 800 --format webp --color --out results

safelight submit *.jpg --preset thumbnail --out thumbnails

safelight submit s3://shop-pictures/2026/chair.jpg --preset web

safelight submit scan.png --pipeline '{"operations": [{"op": "grayscale"}]}' --wait --json"""


class Fit(StrEnum):
    """How an image is brought to a box of another shape."""

    inside = "inside"
    cover = "cover"
    exact = "exact"


Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="Pictures to process: files, or s3://bucket/key.", show_default=False),
]
Pipeline = Annotated[
    str | None,
    typer.Option("--pipeline", metavar="JSON|@FILE", help="What is to be done, as JSON or a file with JSON in it."),
]
PresetName = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="What is to be done, by name: safelight presets list.")
]
Width = Annotated[int | None, typer.Option("--width", min=1, help="Fit into this width, pixels.")]
Height = Annotated[int | None, typer.Option("--height", min=1, help="Fit into this height, pixels.")]
FitOption = Annotated[Fit | None, typer.Option("--fit", help="How to fit into width and height.")]
Format = Annotated[str | None, typer.Option("--format", metavar="NAME", help="Output format: png, jpeg or webp.")]
Quality = Annotated[int | None, typer.Option("--quality", min=1, max=100, help="For jpeg and webp.")]
Grayscale = Annotated[bool | None, typer.Option("--grayscale/--color", help="Turn it gray, or keep its colors.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until every job is done.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Download the results there; implies --wait.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0, metavar="SECONDS", help="Longest wait for one job; else for ever.")
]
Parallel = Annotated[int, typer.Option("--parallel", min=1, max=64, help="Files under way at once.")]


def submit(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    files: Files,
    pipeline: Pipeline = None,
    preset: PresetName = None,
    width: Width = None,
    height: Height = None,
    fit: FitOption = None,
    format_name: Format = None,
    quality: Quality = None,
    grayscale: Grayscale = None,
    wait: Wait = False,
    out: Out = None,
    timeout: Timeout = None,
    parallel: Parallel = 8,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Process images, one job per file.

    By default, an image is scaled down to fit 1024 × 1024 pixels, converted to grayscale and saved as PNG.

    A failed file does not stop the others.
    """
    given = {"width": width, "height": height, "fit": fit, "format": format_name, "quality": quality}
    options = short_options(pipeline, preset, {**given, "grayscale": grayscale})
    order = Order(
        pipeline=read_pipeline(pipeline),
        preset=preset,
        options=options,
        wait=wait or out is not None,
        timeout=timeout,
        out=out,
    )
    with connect(context, api_url) as client:
        outcomes = _run_files(client, [named(each) for each in files], order, parallel=parallel, as_json=as_json)
    if all(outcome.ok for outcome in outcomes):
        raise typer.Exit(ALL_WELL)
    unreachable = all(outcome.error is not None and outcome.error.code == "UNREACHABLE" for outcome in outcomes)
    raise typer.Exit(COULD_NOT_RUN if unreachable else SOME_FAILED)


def _run_files(
    client: Safelight,
    files: Sequence[Picture],
    order: Order,
    *,
    parallel: int,
    as_json: bool,
) -> list[Outcome]:
    """Submit the files: JSON, a bar and a table on a terminal, or plain lines."""
    console = Console()
    with progress.shown(len(files), console, as_json=as_json) as report:
        outcomes = submit_all(client, files, order, parallel=parallel, report=report)
    if as_json:
        documents.print_document(documents.outcomes_document(outcomes))
    elif console.is_terminal:
        tables.print_outcomes(outcomes, console)
        _point_onward(outcomes, order)
    _, badly = summary(outcomes)
    if badly:
        typer.echo(f"{badly} of {len(outcomes)} files failed.", err=True)
    return outcomes


def _point_onward(outcomes: Sequence[Outcome], order: Order) -> None:
    saved = [path for outcome in outcomes for path in outcome.saved]
    if saved and order.out is not None:
        typer.echo(f"\n{len(saved)} results are in {text.printable(str(order.out))}.")
    elif not order.wait and (first := next((each.job for each in outcomes if each.job), None)):
        typer.echo(f"\nNext: safelight status {first.id}, then safelight result {first.id}")
