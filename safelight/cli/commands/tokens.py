"""``safelight tokens``: manage upload tokens."""

from typing import Annotated

import typer
from rich.console import Console

from safelight.cli.job_spec_options import JobSpecArguments, take_job_spec
from safelight.cli.options import ApiUrl, Json, parse_duration, parse_size
from safelight.cli.rendering import documents, tables
from safelight.cli.rendering.text import format_size, format_time
from safelight.cli.wiring import connect
from safelight.models import UploadToken

EXAMPLES = """Examples:

safelight tokens create --preset web --max-files 5 --expires-in 15m --origin https://app.example.com

safelight tokens list

safelight tokens revoke 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""

app = typer.Typer(
    no_args_is_help=True,
    help="Manage upload tokens, with which web pages upload images without your credentials.",
    epilog=EXAMPLES,
)

TokenId = Annotated[str, typer.Argument(metavar="ID", help="ID of the token.", show_default=False)]


@app.command("create", epilog=EXAMPLES)
@take_job_spec
def create(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    spec: JobSpecArguments,
    max_files: Annotated[
        int | None, typer.Option("--max-files", min=1, metavar="N", help="Maximum number of files. Default: 1.")
    ] = None,
    max_bytes: Annotated[
        str | None,
        typer.Option("--max-bytes", metavar="SIZE", help="Maximum size of all files, such as 50MB."),
    ] = None,
    expires_in: Annotated[
        str | None,
        typer.Option("--expires-in", metavar="TIME", help="Time until the token expires, such as 15m (the default)."),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--origin", metavar="URL", help="Origin of the web page, such as https://app.example.com."),
    ] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Create a token, and print its ID, the token and the URL for it. No other command prints the token."""
    size, seconds = parse_size(max_bytes), parse_duration(expires_in)
    with connect(context, api_url) as client:
        token = client.tokens.create(**spec, max_files=max_files, max_bytes=size, expires_in=seconds, origin=origin)
    if as_json:
        documents.print_document(token.document())
        return
    tables.print_rows(("ID", "Token", "URL"), [(token.id, token.token, token.url)], Console())


@app.command("list")
def list_tokens(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of tokens to list.")] = 20,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List your tokens, newest first, until a day after they expire."""
    with connect(context, api_url) as client:
        found = list(client.tokens.list(limit))
    if as_json:
        documents.print_document({"tokens": [token.document() for token in found]})
        return
    heads = ("ID", "State", "Files", "Bytes", "Expires", "Origin")
    tables.print_rows(heads, map(_make_row, found), Console(), "There are no upload tokens.")


@app.command("revoke")
def revoke(context: typer.Context, *, token_id: TokenId, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Revoke a token, so that every request with it is refused. Its jobs are not affected."""
    with connect(context, api_url) as client:
        token = client.tokens.revoke(token_id)
    if as_json:
        documents.print_document(token.document())
        return
    typer.echo(f"Token {token.id} is revoked.")


def _make_row(token: UploadToken) -> tuple[str, ...]:
    """Return ID, state, files and bytes used, expiry and origin of a token."""
    expires = format_time(token.expires_at)
    files = f"{token.files} of {token.max_files}"
    size = f"{format_size(token.bytes)} of {format_size(token.max_bytes)}"
    return token.id, token.state, files, size, expires, token.origin or "-"
