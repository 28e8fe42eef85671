"""``safelight webhook``: receive webhooks on this machine, for local development."""

import json
import os
from typing import Annotated, Any

import typer

from safelight.cli.options import ApiUrl, Json
from safelight.cli.wiring import connect

SECRET_VARIABLE = "SAFELIGHT_WEBHOOK_SECRET"  # noqa: S105  # pragma: allowlist secret - the name of a variable
EXAMPLES = """Examples:

safelight webhook listen --register dev

SAFELIGHT_WEBHOOK_SECRET=whsec_… safelight webhook listen --port 8787"""

app = typer.Typer(no_args_is_help=True, help="Receive webhooks on this machine, for local development.")


@app.callback()
def group() -> None:
    """Receive webhooks on this machine, for local development."""


@app.command("listen", epilog=EXAMPLES)
def listen(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    register: Annotated[
        str | None,
        typer.Option("--register", metavar="NAME", help="Create or turn this webhook to here, with a new secret."),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="To listen on; 0 for a free one.")] = 8787,
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many events.")] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Print each event that comes in and is signed by the secret; Ctrl-C ends it.

    The secret is that of --register, or of the variable SAFELIGHT_WEBHOOK_SECRET.
    """
    from safelight.webhooks import Listener, WebhookNotVerified  # noqa: PLC0415 - --help must not wait for it

    heard: list[dict[str, Any]] = []

    def show(event: dict[str, Any]) -> None:
        typer.echo(json.dumps(event) if as_json else _line(event))
        heard.append(event)

    def complain(error: WebhookNotVerified) -> None:
        typer.echo(f"Refused: {error}", err=True)

    secret = os.environ.get(SECRET_VARIABLE, "")
    if not register and not secret:
        raise typer.BadParameter(f"give --register NAME, or the secret in {SECRET_VARIABLE}.")
    try:
        server = Listener(port, secret, show, complain)
    except OSError as error:
        raise typer.BadParameter(f"port {port} is not free ({error.strerror}).", param_hint="--port") from error
    with server:
        url = f"http://127.0.0.1:{server.server_port}/"
        if register:
            with connect(context, api_url) as client:
                server.secret = client.register_webhook(register, url)
        typer.echo(f"Listening at {url}", err=True)
        server.timeout = 0.5
        try:
            while count is None or len(heard) < count:
                server.handle_request()
        except KeyboardInterrupt:
            typer.echo("Ended.", err=True)


def _line(event: dict[str, Any]) -> str:
    """Write an event as time, type, job and, of a failure, the code."""
    from safelight.cli.rendering.text import printable  # noqa: PLC0415 - see above

    data = event.get("data") or {}
    code = (data.get("error") or {}).get("code", "")
    return printable(
        "\t".join(str(each) for each in (event.get("time"), event.get("type"), event.get("subject"), code))
    )
