"""Showing plans, presets and assets: JSON for machines, plain lines with tabs between the fields for the rest."""

from collections.abc import Sequence

import typer

from safelight.cli.rendering import documents, text
from safelight.models import Asset, Plan, Preset


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Show what a job would do; a failure and warnings as sentences on standard error."""
    if as_json:
        documents.print_document(plan.document())
        return
    picture = plan.picture
    _line("picture", picture.format or "-", text.sides(picture.width, picture.height), text.size(picture.size))
    for step in plan.steps:
        _line(step.op, "", text.sides(step.width, step.height))
    for output in plan.outputs:
        _line(f"output {output.name}", output.format or "-", text.sides(output.width, output.height))
    if plan.estimate.milliseconds is not None:
        _line("estimate", f"{plan.estimate.milliseconds} ms", text.size(plan.estimate.memory_bytes))
    for warning in plan.warnings:
        typer.echo(f"Note: {text.printable(warning.message)}", err=True)
    if plan.failure is not None:
        typer.echo(f"Would fail: {text.printable(plan.failure.message)} ({plan.failure.code})", err=True)


def show_presets(presets: Sequence[Preset], *, as_json: bool) -> None:
    """Show presets, one a line: name, version, whose, what for."""
    if as_json:
        documents.print_document({"presets": [preset.document() for preset in presets]})
        return
    for preset in presets:
        whose = "built in" if preset.built_in else "own"
        _line(preset.name, str(preset.version), whose, preset.description)


def show_assets(assets: Sequence[Asset], *, as_json: bool) -> None:
    """Show assets, one a line: name, format, sides, size."""
    if as_json:
        documents.print_document({"assets": [asset.document() for asset in assets]})
        return
    for asset in assets:
        _line(asset.name, asset.format or "-", text.sides(asset.width, asset.height), text.size(asset.size))


def _line(*fields: str) -> None:
    typer.echo("\t".join(text.printable(each) for each in fields))
