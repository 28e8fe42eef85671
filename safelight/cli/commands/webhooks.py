"""``safelight webhook``: receive webhooks on this machine."""

import json
import os
import sys
from typing import Annotated, Any

import typer

from safelight.cli.options import ApiUrl
from safelight.cli.wiring import connect

SECRET_VARIABLE = "SAFELIGHT_WEBHOOK_SECRET"  # noqa: S105  # pragma: allowlist secret - the name of a variable
EXAMPLES = """Examples:

safelight webhook listen --register dev

SAFELIGHT_WEBHOOK_SECRET=whsec_… safelight webhook listen --port 8787"""

app = typer.Typer(no_args_is_help=True, help="Receive webhooks on this machine.", epilog=EXAMPLES)


@app.callback()
def group() -> None:
    """Receive webhooks on this machine."""


@app.command("listen", epilog=EXAMPLES)
def listen(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    register: Annotated[
        str | None,
        typer.Option(
            "--register",
            metavar="NAME",
            help="Create a webhook with this name and the listener's URL. If it exists, change its URL and secret.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on. 0 selects a free port.")
    ] = 8787,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after this number of events.")] = None,
    api_url: ApiUrl = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as one line of JSON.")] = False,
) -> None:
    """Print each event whose signature is valid. To stop, press Ctrl-C.

    The secret comes from --register, or from the environment variable SAFELIGHT_WEBHOOK_SECRET.
    """
    from safelight.webhooks import Listener, WebhookNotVerified  # noqa: PLC0415 - --help must not wait for it

    received: list[dict[str, Any]] = []

    def print_event(event: dict[str, Any]) -> None:
        typer.echo(json.dumps(event) if as_json else _format_event(event))
        received.append(event)

    def print_refusal(error: WebhookNotVerified) -> None:
        typer.echo(f"Refused: {error}", err=True)

    secret = os.environ.get(SECRET_VARIABLE, "")
    if not register and not secret:
        raise typer.BadParameter(f"give --register NAME, or the secret in {SECRET_VARIABLE}.")
    try:
        server = Listener(port, secret, print_event, print_refusal)
    except OSError as error:
        raise typer.BadParameter(f"port {port} is not available ({error.strerror}).", param_hint="--port") from error
    with server:
        url = f"http://127.0.0.1:{server.server_port}/"
        if register:
            with connect(context, api_url) as client:
                server.secret = client.register_webhook(register, url)
        typer.echo(f"Listening at {url}", err=True)
        server.timeout = 0.5
        try:
            while count is None or len(received) < count:
                server.handle_request()
        except KeyboardInterrupt:
            typer.echo("Stopped.", err=True)


def _format_event(event: dict[str, Any]) -> str:
    """Return an event as one line: time, type, job and error code."""
    from safelight.cli.rendering.text import escape  # noqa: PLC0415 - see above

    data = event.get("data") or {}
    code = (data.get("error") or {}).get("code", "-")
    fields = (event.get("time"), event.get("type"), event.get("subject"), code)
    return ("  " if sys.stdout.isatty() else "\t").join(escape(str(each)) for each in fields)
