"""``safelight assets``: images for watermarks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.options import ApiUrl, Json
from safelight.cli.rendering import documents, text
from safelight.cli.wiring import connect
from safelight.models import Asset

app = typer.Typer(no_args_is_help=True, help="Pictures that are kept for watermarks.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the asset.", show_default=False)]


@app.command("list")
def list_assets(context: typer.Context, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List your assets."""
    with connect(context, api_url) as client:
        _show_assets(list(client.assets.list()), as_json=as_json)


@app.command("put")
def put(
    context: typer.Context,
    *,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="PNG, JPEG or WebP.", show_default=False)],
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Keep an image under a name; jobs that exist keep what the name had before."""
    with connect(context, api_url) as client:
        _show_assets([client.assets.put(name, file)], as_json=as_json)


@app.command("delete")
def delete(context: typer.Context, *, name: Name, api_url: ApiUrl = None) -> None:
    """Delete an asset with every content that it has had."""
    with connect(context, api_url) as client:
        client.assets.delete(name)


def _show_assets(assets: Sequence[Asset], *, as_json: bool) -> None:
    """Show assets, one a line: name, format, sides, size."""
    if as_json:
        documents.print_document({"assets": [asset.document() for asset in assets]})
        return
    for asset in assets:
        text.print_fields(asset.name, asset.format or "-", text.sides(asset.width, asset.height), text.size(asset.size))
