"""``safelight submit``: process images, one job per file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from safelight.cli import options as opts
from safelight.cli.rendering import documents, progress, tables, text
from safelight.cli.rendering.prose import print_text
from safelight.cli.submission import ImageSource, Outcome, SubmitOptions, count_outcomes, parse_source, submit_all
from safelight.cli.wiring import connect
from safelight.client import Safelight
from safelight.connection import drop_none
from safelight.local_files import require_writable_folder

EXAMPLES = """Examples:

safelight submit *.jpg --preset web --out results

safelight submit *.jpg --preset thumbnail --out thumbnails

safelight submit holiday.jpg --width 800 --format webp --color --wait

safelight submit holiday.jpg --widths 320,640,1280 --formats avif,webp,jpeg --out results

safelight submit s3://shop-images/2026/chair.jpg --preset web

safelight submit https://images.example.com/chair.jpg --preset web

safelight submit job:01M82VQ5S0EET9YRA6Y1ZJ28P4 --preset thumbnail

safelight submit scan.png --pipeline '{"operations": [{"op": "grayscale"}]}' --wait --json"""

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="Image files, s3://bucket/key, URLs, or job:ID for the stored image of a job.",
        show_default=False,
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until every job has ended.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Download the results to this folder. Implies --wait.")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        min=0,
        metavar="SECONDS",
        help="Maximum time to wait for each job. A job that takes longer continues to run. Default: no limit.",
    ),
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", min=1, max=64, metavar="N", help="Number of files to process concurrently.")
]
OldConcurrency = Annotated[int | None, typer.Option("--parallel", min=1, max=64, metavar="N", hidden=True)]


def submit(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    files: Files,
    preset: opts.PresetName = None,
    pipeline: opts.Pipeline = None,
    width: opts.Width = None,
    height: opts.Height = None,
    fit: opts.Fit = None,
    enlarge: opts.Enlarge = None,
    format_name: opts.Format = None,
    quality: opts.Quality = None,
    widths: opts.Widths = None,
    formats: opts.Formats = None,
    grayscale: opts.Grayscale = None,
    webhook: opts.Webhook = None,
    facts: opts.Facts = None,
    wait: Wait = False,
    out: Out = None,
    timeout: Timeout = None,
    concurrency: Concurrency = 8,
    parallel: OldConcurrency = None,
    api_url: opts.ApiUrl = None,
    as_json: opts.Json = False,
) -> None:
    """Process images, one job per file.

    By default, an image is scaled down to fit 1024 × 1024 pixels, converted to grayscale and saved as PNG.

    If a file fails, the command continues with the others.
    """
    shorthand = opts.collect_shorthand(
        *(pipeline, preset),
        width=width,
        height=height,
        fit=fit,
        enlarge=enlarge,
        format=format_name,
        quality=quality,
        widths=widths,
        formats=formats,
        grayscale=grayscale,
    )
    options = SubmitOptions(
        pipeline=opts.read_pipeline(pipeline),
        preset=preset,
        options=shorthand | drop_none({"webhook": webhook, "facts": opts.read_facts(facts)}),
        wait=wait or out is not None,
        timeout=timeout,
        out=out,
    )
    sources = [parse_source(each) for each in files]
    if out is not None:
        require_writable_folder(out)
    with connect(context, api_url) as client:
        outcomes = _run(client, sources, options, concurrency=parallel or concurrency, as_json=as_json)
    if all(outcome.ok for outcome in outcomes):
        raise typer.Exit(opts.EXIT_SUCCESS)
    unreachable = all(outcome.error is not None and outcome.error.code == "UNREACHABLE" for outcome in outcomes)
    if unreachable:
        raise typer.Exit(opts.EXIT_NOT_RUN)
    is_only_late = all(each.ok or _is_late(each) for each in outcomes)
    raise typer.Exit(opts.EXIT_STILL_RUNNING if is_only_late else opts.EXIT_PARTIAL_FAILURE)


def _run(
    client: Safelight, sources: Sequence[ImageSource], options: SubmitOptions, *, concurrency: int, as_json: bool
) -> list[Outcome]:
    """Submit the files and print their outcomes: as JSON, as a table on a terminal, or as lines."""
    console = Console()
    with progress.show_progress(len(sources), console, as_json=as_json) as on_outcome:
        outcomes = submit_all(client, sources, options, concurrency=concurrency, on_outcome=on_outcome)
    if as_json:
        documents.print_document(documents.describe_outcomes(outcomes))
    elif console.is_terminal:
        tables.print_outcomes(outcomes, console)
        _print_next_step(outcomes, options)
    late = sum(map(_is_late, outcomes))
    failed = count_outcomes(outcomes)[1] - late
    if failed:
        print_text(f"{failed} of {len(outcomes)} files failed.", err=True)
    if late:
        print_text(f"{late} of {len(outcomes)} jobs have not ended yet.", err=True)
    return outcomes


def _is_late(outcome: Outcome) -> bool:
    """Return True if the job has not ended within ``--timeout``."""
    return outcome.error is not None and outcome.error.code == "WAITED_TOO_LONG"


def _print_next_step(outcomes: Sequence[Outcome], options: SubmitOptions) -> None:
    saved = [path for outcome in outcomes for path in outcome.saved]
    if saved and options.out is not None:
        print_text(f"\n{len(saved)} results are in {text.escape(str(options.out))}.")
    elif not options.wait and (first := next((each.job for each in outcomes if each.job), None)):
        print_text(f"\nNext: safelight status {first.id}, then safelight result {first.id}")
