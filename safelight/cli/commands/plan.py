"""``safelight plan``: what a job would do, without one."""

from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.commands.submit import FitOption, Format, Grayscale, Height, Pipeline, PresetName, Quality, Width
from safelight.cli.options import ALL_WELL, SOME_FAILED, ApiUrl, Json, read_pipeline, short_options
from safelight.cli.rendering import documents, text
from safelight.cli.wiring import connect
from safelight.models import Plan

EXAMPLES = """Examples:

safelight plan holiday.jpg --preset web

safelight plan scan.png --width 800 --format jpeg --json"""


def plan(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The picture to plan for.", show_default=False)],
    pipeline: Pipeline = None,
    preset: PresetName = None,
    width: Width = None,
    height: Height = None,
    fit: FitOption = None,
    format_name: Format = None,
    quality: Quality = None,
    grayscale: Grayscale = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Show what a job would do: sizes, formats, warnings, an estimate.

    Only the beginning of the file is sent, and nothing is kept. The exit code is 1 when the job would fail.
    """
    given = {"width": width, "height": height, "fit": fit, "format": format_name, "quality": quality}
    options = short_options(pipeline, preset, {**given, "grayscale": grayscale})
    with connect(context, api_url) as client:
        planned = client.plan(file, pipeline=read_pipeline(pipeline), preset=preset, options=options)
    _show_plan(planned, as_json=as_json)
    raise typer.Exit(ALL_WELL if planned.ok else SOME_FAILED)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    """Show what a job would do; a failure and warnings as sentences on standard error."""
    if as_json:
        documents.print_document(plan.document())
        return
    picture = plan.picture
    text.print_fields(
        "picture", picture.format or "-", text.sides(picture.width, picture.height), text.size(picture.size)
    )
    for step in plan.steps:
        text.print_fields(step.op, "", text.sides(step.width, step.height))
    for output in plan.outputs:
        text.print_fields(f"output {output.name}", output.format or "-", text.sides(output.width, output.height))
    if plan.estimate.milliseconds is not None:
        text.print_fields("estimate", f"{plan.estimate.milliseconds} ms", text.size(plan.estimate.memory_bytes))
    for warning in plan.warnings:
        typer.echo(f"Note: {text.printable(warning.message)}", err=True)
    if plan.failure is not None:
        typer.echo(f"Would fail: {text.printable(plan.failure.message)} ({plan.failure.code})", err=True)
