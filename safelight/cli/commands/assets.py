"""``safelight assets``: manage assets, which are stored images for watermarks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from safelight.api_options import ASSET_FORMATS
from safelight.cli.options import ApiUrl, Json, join_choices
from safelight.cli.rendering import documents, tables, text
from safelight.cli.wiring import connect
from safelight.models import Asset

EXAMPLES = """Examples:

safelight assets put logo logo.png

safelight assets list"""

app = typer.Typer(no_args_is_help=True, help="Manage assets (stored images for watermarks).", epilog=EXAMPLES)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the asset.", show_default=False)]
ImageFile = Annotated[
    Path,
    typer.Argument(metavar="FILE", help=f"Image file in {join_choices(ASSET_FORMATS)} format.", show_default=False),
]


@app.command("list")
def list_assets(context: typer.Context, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List your assets."""
    with connect(context, api_url) as client:
        _print_assets(list(client.assets.list()), as_json=as_json)


@app.command("put")
def put(
    context: typer.Context,
    *,
    name: Name,
    file: ImageFile,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Create or replace an asset. Existing jobs keep using the content that they were created with."""
    with connect(context, api_url) as client:
        _print_assets([client.assets.put(name, file)], as_json=as_json)


@app.command("delete")
def delete(context: typer.Context, *, name: Name, api_url: ApiUrl = None) -> None:
    """Delete an asset with all its versions."""
    with connect(context, api_url) as client:
        client.assets.delete(name)


def _print_assets(assets: Sequence[Asset], *, as_json: bool) -> None:
    """Print name, format, dimensions and size of each asset."""
    if as_json:
        documents.print_document({"assets": [asset.document() for asset in assets]})
        return
    rows = [
        (
            *(asset.name, asset.format or "-"),
            text.format_dimensions(asset.width, asset.height) or "-",
            text.format_size(asset.size),
        )
        for asset in assets
    ]
    tables.print_rows(("Name", "Format", "Dimensions", "Size"), rows, Console(), "There are no assets.")
