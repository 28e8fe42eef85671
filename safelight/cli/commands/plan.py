"""``safelight plan``: preview a job."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from safelight.api_options import MEDIA_TYPES, PLAN_FORMATS, RAW_FORMATS
from safelight.cli import options as opts
from safelight.cli.rendering import documents, tables, text
from safelight.cli.rendering.prose import print_text
from safelight.cli.wiring import connect
from safelight.errors import ApiError, ClientError
from safelight.ingest.inspection import HEADER_BYTES, detect_media_type
from safelight.local_images import Upload
from safelight.models import Plan
from safelight.models.jobs import JobFailure

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
    widths: opts.Widths = None,
    formats: opts.Formats = None,
    grayscale: opts.Grayscale = None,
    api_url: opts.ApiUrl = None,
    as_json: opts.Json = False,
) -> None:
    """Preview a job: sizes, formats, warnings, and an estimate of time and memory.

    Only the first bytes of the file are sent, and nothing is stored. The exit code is 1 if the job would fail.
    """
    options = opts.collect_shorthand(
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
    with connect(context, api_url) as client:
        try:
            preview = client.plan(file, pipeline=opts.read_pipeline(pipeline), preset=preset, options=options)
        except ApiError as error:
            if all(each.pointer != "/head" for each in error.pointers):
                raise
            preview = _explain_unreadable(file, error)
    _print_plan(preview, as_json=as_json)
    raise typer.Exit(opts.EXIT_SUCCESS if preview.ok else opts.EXIT_PARTIAL_FAILURE)


class PlanNotPossible(ClientError):
    """The size of the image can't be read from the first bytes of the file."""

    code = "PLAN_NOT_POSSIBLE"


def _explain_unreadable(file: Path, error: ApiError) -> Plan:
    """Return a plan that fails because the API can't read the first bytes of a file.

    Raises PlanNotPossible if the format of the file has no plans although jobs accept it.
    """
    header = Upload(file).head(HEADER_BYTES)
    names = {media_type: name for name, media_type in MEDIA_TYPES.items()}
    name = names.get(detect_media_type(header))
    if name is None:
        return _make_failure(
            "UNSUPPORTED_TYPE", f"{file} is not an image in a supported format: {opts.join_choices(RAW_FORMATS)}."
        )
    if name not in PLAN_FORMATS:
        raise PlanNotPossible(
            f"{file} is in the format {name}, for which no plan is possible. "
            f"Plans are possible for {opts.join_choices(PLAN_FORMATS)}. You can submit the file without a plan."
        ) from error
    return _make_failure("NOT_AN_IMAGE", f"{file} starts like a {name} file but has no image size that can be read.")


def _make_failure(code: str, message: str) -> Plan:
    return Plan(ok=False, failure=JobFailure(code=code, message=message))


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    """Print a plan. The estimate, warnings and a failure go to standard error."""
    if as_json:
        documents.print_document(plan.document())
        return
    if plan.picture.format is not None:
        _print_steps(plan)
    if plan.estimate.milliseconds is not None:
        memory = text.format_size(plan.estimate.memory_bytes)
        print_text(f"Estimate: {plan.estimate.milliseconds} ms of processing, {memory} of memory.", err=True)
    if plan.skipped:
        names = ", ".join(text.escape(each.name) for each in plan.skipped)
        print_text(f"Skipped: {names}. {text.escape(plan.skipped[0].reason)}", err=True)
    for warning in plan.warnings:
        print_text(f"Note: {text.escape(warning.message)}", err=True)
    if plan.failure is not None:
        print_text(
            f"The job would fail: {text.escape(plan.failure.message)} ({text.escape(plan.failure.code)})", err=True
        )


def _print_steps(plan: Plan) -> None:
    """Print the image, the operations and the outputs."""
    image = plan.picture
    dimensions = text.format_dimensions(image.width, image.height) or "-"
    rows = [("image", image.format or "-", dimensions, text.format_size(image.size))]
    rows += [(each.op, "-", text.format_dimensions(each.width, each.height) or "-", "-") for each in plan.steps]
    for output in plan.outputs:
        rows += [
            (f"{output.name}: {each.op}", "-", text.format_dimensions(each.width, each.height) or "-", "-")
            for each in output.steps
        ]
        dimensions = text.format_dimensions(output.width, output.height) or "-"
        rows.append((f"output {output.name}", output.format or "-", dimensions, "-"))
    tables.print_rows(("Step", "Format", "Dimensions", "Size"), rows, Console())
