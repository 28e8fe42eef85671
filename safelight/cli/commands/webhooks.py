"""``safelight webhooks``: manage webhooks, and receive their events on this machine."""

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from safelight.cli.options import ApiUrl, Json
from safelight.cli.wiring import connect

if TYPE_CHECKING:
    from safelight.models import Webhook

SECRET_VARIABLE = "SAFELIGHT_WEBHOOK_SECRET"  # noqa: S105  # pragma: allowlist secret - the name of a variable
EXAMPLES = """Examples:

safelight webhooks put shop https://shop.example.com/safelight

safelight webhooks rotate-secret shop

safelight webhooks listen --register dev

SAFELIGHT_WEBHOOK_SECRET=whsec_… safelight webhooks listen --port 8787"""

HELP = "Manage webhooks, and receive their events on this machine."
app = typer.Typer(no_args_is_help=True, help=HELP, epilog=EXAMPLES)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the webhook.", show_default=False)]


@app.command("list")
def list_webhooks(context: typer.Context, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List your webhooks: name, state, creation time, events and URL."""
    with connect(context, api_url) as client:
        _print_webhooks(list(client.webhooks.list()), as_json=as_json)


@app.command("put")
def put(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="URL that receives the events.", show_default=False)],
    events: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="TYPE", help="Send only this type of event. Repeatable. Default: all types."),
    ] = None,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Create a webhook and print its secret, or change and enable an existing one."""
    from safelight.cli.rendering import documents  # noqa: PLC0415 - see listen

    with connect(context, api_url) as client:
        webhook = client.webhooks.put(name, url, events)
    if as_json:
        documents.print_document(webhook.document())
        return
    _print_webhooks([webhook], as_json=False)
    if webhook.secret:
        typer.echo(f"Secret: {webhook.secret}", err=True)


@app.command("delete")
def delete(context: typer.Context, *, name: Name, api_url: ApiUrl = None) -> None:
    """Delete a webhook with its log."""
    with connect(context, api_url) as client:
        client.webhooks.delete(name)


@app.command("rotate-secret")
def rotate_secret(context: typer.Context, *, name: Name, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Print a new secret. Until the second printed time, deliveries are also signed with the previous secret."""
    from safelight.cli.rendering import documents, text  # noqa: PLC0415 - see listen

    with connect(context, api_url) as client:
        secret = client.webhooks.rotate_secret(name)
    if as_json:
        documents.print_document(secret.document())
    else:
        typer.echo(f"{secret.secret}\t{text.format_time(secret.previous_until)}")


@app.command("deliveries")
def list_deliveries(
    context: typer.Context,
    *,
    name: Name,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of deliveries.")] = 20,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first: event, state, creation time, type, job, tries, and last response or reason."""
    from safelight.cli.rendering import documents, tables, text  # noqa: PLC0415 - see listen

    with connect(context, api_url) as client:
        found = list(client.webhooks.deliveries(name, limit))
    if as_json:
        documents.print_document({"deliveries": [each.document() for each in found]})
        return
    heads = ("Event", "State", "Created", "Type", "Job", "Tries", "Response")
    rows = [
        (
            *(each.id, each.state, text.format_time(each.created_at), each.type, each.job_id, str(each.tries)),
            each.reason or str(each.answer or "-"),
        )
        for each in found
    ]
    tables.print_rows(heads, rows, Console(), "There are no deliveries.")


@app.command("replay")
def replay(
    context: typer.Context,
    *,
    name: Name,
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="ID of the event.", show_default=False)],
    api_url: ApiUrl = None,
) -> None:
    """Send an event again."""
    with connect(context, api_url) as client:
        client.webhooks.replay(name, event_id)


def _print_webhooks(webhooks: "Sequence[Webhook]", *, as_json: bool) -> None:
    from safelight.cli.rendering import documents, tables, text  # noqa: PLC0415 - see listen

    if as_json:
        documents.print_document({"webhooks": [each.document() for each in webhooks]})
        return
    console = Console()
    rows = [
        (
            *(
                each.name,
                f"disabled: {each.disabled}" if each.disabled else "paused" if each.paused_until else "enabled",
            ),
            *(text.format_time(each.created_at), _format_events(each.events, is_short=console.is_terminal), each.url),
        )
        for each in webhooks
    ]
    tables.print_rows(("Name", "State", "Created", "Events", "URL"), rows, console, "There are no webhooks.")


def _format_events(events: "Sequence[str]", *, is_short: bool) -> str:
    """Return types of events. ``is_short`` leaves out their common beginning."""
    return ", ".join(each.removeprefix("image.job.") if is_short else each for each in events)


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
