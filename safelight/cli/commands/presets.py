"""``safelight presets``: manage presets."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from safelight.cli.options import ApiUrl, Json, read_pipeline
from safelight.cli.rendering import documents, tables
from safelight.cli.wiring import connect
from safelight.models import Preset

EXAMPLES = """Examples:

safelight presets list

safelight presets show web

safelight presets put card --pipeline @card.json --description 'For cards'"""

app = typer.Typer(no_args_is_help=True, help="Manage presets (named pipelines).", epilog=EXAMPLES)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the preset.", show_default=False)]
IF_VERSION_HELP = "Continue only if the newest version is N."
IfVersion = Annotated[int | None, typer.Option("--if-version", min=0, metavar="N", help=IF_VERSION_HELP)]
IfVersionOrNew = Annotated[
    int | None,
    typer.Option(
        "--if-version", min=0, metavar="N", help=f"{IF_VERSION_HELP} With 0, continue only if the preset is new."
    ),
]


@app.command("list")
def list_presets(context: typer.Context, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List the built-in presets and your own."""
    with connect(context, api_url) as client:
        _print_presets(list(client.presets.list()), as_json=as_json)


@app.command("show")
def show(
    context: typer.Context,
    *,
    name: Name,
    version: Annotated[
        int | None, typer.Option("--version", min=1, metavar="N", help="Version to print. Default: the newest.")
    ] = None,
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
        str,
        typer.Option(
            "--pipeline",
            metavar="JSON|@FILE",
            help="Pipeline as JSON. Pass the JSON text itself, @FILE to read a file, or @- to read standard input.",
        ),
    ],
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="Description of the preset.")] = "",
    if_version: IfVersionOrNew = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Create a preset, or a new version of an existing preset."""
    with connect(context, api_url) as client:
        stored = client.presets.put(name, read_pipeline(pipeline) or {}, description=description, expected=if_version)
    _print_presets([stored], as_json=as_json)


@app.command("delete")
def delete(context: typer.Context, *, name: Name, if_version: IfVersion = None, api_url: ApiUrl = None) -> None:
    """Delete one of your own presets. Jobs that use the preset are not affected."""
    with connect(context, api_url) as client:
        client.presets.delete(name, expected=if_version)


def _print_presets(presets: Sequence[Preset], *, as_json: bool) -> None:
    """Print name, version, origin and description of each preset."""
    if as_json:
        documents.print_document({"presets": [preset.document() for preset in presets]})
        return
    rows = [
        (preset.name, str(preset.version), "built in" if preset.built_in else "own", preset.description)
        for preset in presets
    ]
    tables.print_rows(("Name", "Version", "Origin", "Description"), rows, Console())
