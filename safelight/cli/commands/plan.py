"""``safelight plan``: preview what a job would do."""

from pathlib import Path
from typing import Annotated

import typer

from safelight.cli import options as opts
from safelight.cli.rendering import documents, text
from safelight.cli.wiring import connect
from safelight.models import Plan

EXAMPLES = """Examples:

safelight plan holiday.jpg --preset web

safelight plan scan.png --width 800 --format jpeg --json"""


def plan(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Image file.", show_default=False)],
    preset: opts.PresetName = None,
    pipeline: opts.Pipeline = None,
    width: opts.Width = None,
    height: opts.Height = None,
    fit: opts.Fit = None,
    enlarge: opts.Enlarge = None,
    format_name: opts.Format = None,
    quality: opts.Quality = None,
    grayscale: opts.Grayscale = None,
    api_url: opts.ApiUrl = None,
    as_json: opts.Json = False,
) -> None:
    """Preview what a job would do: sizes, formats, warnings and an estimate.

    Only the start of the file is sent, and nothing is stored. The exit code is 1 if the job would fail.
    """
    options = opts.collect_shorthand(
        *(pipeline, preset),
        width=width,
        height=height,
        fit=fit,
        enlarge=enlarge,
        format=format_name,
        quality=quality,
        grayscale=grayscale,
    )
    with connect(context, api_url) as client:
        preview = client.plan(file, pipeline=opts.read_pipeline(pipeline), preset=preset, options=options)
    _print_plan(preview, as_json=as_json)
    raise typer.Exit(opts.EXIT_SUCCESS if preview.ok else opts.EXIT_PARTIAL_FAILURE)


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    """Print a plan. Warnings and a failure go to standard error."""
    if as_json:
        documents.print_document(plan.document())
        return
    image = plan.picture
    size, dimensions = text.format_size(image.size), text.format_dimensions(image.width, image.height)
    text.print_fields("image", image.format or "-", dimensions, size)
    for step in plan.steps:
        text.print_fields(step.op, "", text.format_dimensions(step.width, step.height))
    for output in plan.outputs:
        dimensions = text.format_dimensions(output.width, output.height)
        text.print_fields(f"output {output.name}", output.format or "-", dimensions)
    if plan.estimate.milliseconds is not None:
        memory = text.format_size(plan.estimate.memory_bytes)
        text.print_fields("estimate", f"{plan.estimate.milliseconds} ms", memory)
    for warning in plan.warnings:
        typer.echo(f"Note: {text.escape(warning.message)}", err=True)
    if plan.failure is not None:
        typer.echo(f"Would fail: {text.escape(plan.failure.message)} ({plan.failure.code})", err=True)
