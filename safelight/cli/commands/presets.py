"""``safelight presets``: named pipelines."""

from collections.abc import Sequence
from typing import Annotated

import typer

from safelight.cli.options import ApiUrl, Json, read_pipeline
from safelight.cli.rendering import documents, text
from safelight.cli.wiring import connect
from safelight.models import Preset

app = typer.Typer(no_args_is_help=True, help="Named pipelines: built in, or your own with versions.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the preset.", show_default=False)]
IfVersion = Annotated[
    int | None,
    typer.Option("--if-version", min=0, metavar="N", help="Only if this is the newest version; 0: if there is none."),
]


@app.command("list")
def list_presets(context: typer.Context, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List presets: the built-in ones, then your own."""
    with connect(context, api_url) as client:
        _show_presets(list(client.presets.list()), as_json=as_json)


@app.command("show")
def show(
    context: typer.Context,
    *,
    name: Name,
    version: Annotated[int | None, typer.Option("--version", min=1, metavar="N", help="Else the newest.")] = None,
    api_url: ApiUrl = None,
) -> None:
    """Print a preset as JSON, with its pipeline."""
    with connect(context, api_url) as client:
        documents.print_document(client.presets.get(name, version).document())


@app.command("put")
def put(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    name: Name,
    pipeline: Annotated[
        str, typer.Option("--pipeline", metavar="JSON|@FILE", help="What it does, as JSON or a file with JSON in it.")
    ],
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")] = "",
    if_version: IfVersion = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Keep a pipeline under a name; each change is a new version."""
    with connect(context, api_url) as client:
        kept = client.presets.put(name, read_pipeline(pipeline) or {}, description=description, expected=if_version)
    _show_presets([kept], as_json=as_json)


@app.command("delete")
def delete(context: typer.Context, *, name: Name, if_version: IfVersion = None, api_url: ApiUrl = None) -> None:
    """Delete a preset of your own; jobs that it made stay as they are."""
    with connect(context, api_url) as client:
        client.presets.delete(name, expected=if_version)


def _show_presets(presets: Sequence[Preset], *, as_json: bool) -> None:
    """Show presets, one a line: name, version, whose, what for."""
    if as_json:
        documents.print_document({"presets": [preset.document() for preset in presets]})
        return
    for preset in presets:
        whose = "built in" if preset.built_in else "own"
        text.print_fields(preset.name, str(preset.version), whose, preset.description)
