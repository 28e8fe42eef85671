"""``safelight assets``: images for watermarks."""

from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.options import ApiUrl, Json
from safelight.cli.wiring import connect

app = typer.Typer(no_args_is_help=True, help="Pictures that are kept for watermarks.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the asset.", show_default=False)]


@app.command("list")
def list_assets(context: typer.Context, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List your assets."""
    from safelight.cli.commands.showing import show_assets  # noqa: PLC0415 - --help must not wait for httpx and rich

    with connect(context, api_url) as client:
        show_assets(list(client.assets.list()), as_json=as_json)


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
    from safelight.cli.commands.showing import show_assets  # noqa: PLC0415 - --help must not wait for httpx and rich

    with connect(context, api_url) as client:
        show_assets([client.assets.put(name, file)], as_json=as_json)


@app.command("delete")
def delete(context: typer.Context, *, name: Name, api_url: ApiUrl = None) -> None:
    """Delete an asset with every content that it has had."""
    with connect(context, api_url) as client:
        client.assets.delete(name)
