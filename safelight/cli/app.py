"""The ``safelight`` command: composition root of the client, and of what it mounts from ``infra``."""

import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from safelight.address import find_state_dir
from safelight.cli.commands import (
    assets,
    backfill,
    control,
    dead_letters,
    demo,
    ingest,
    listing,
    plan,
    presets,
    receipt,
    result,
    status,
    submit,
    verify,
    webhooks,
)
from safelight.cli.options import COULD_NOT_RUN
from safelight.cli.wiring import Finding, Stack, Wiring
from safelight.errors import ClientError

if TYPE_CHECKING:
    from safelight.client import Safelight

LOCAL_COMMANDS = {
    "up": "Start a local Safelight.",
    "down": "Stop it.",
    "deploy": "Deploy to an AWS account.",
    "destroy": "Remove such a deployment.",
    "doctor": "Check the set-up and say what to do.",
}
INSTALL_HINT = "run make up in a checkout of Safelight, which installs it there."


class Sentences(TyperGroup):
    """A group whose commands end in a sentence where others end in a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401 - typer's own signature
        """Run a command; expected faults become a sentence on standard error and exit code 2."""
        try:
            return super().invoke(ctx)
        except ClientError as error:
            from safelight.cli.rendering.text import sentence  # noqa: PLC0415 - only in this case

            typer.echo(sentence(error), err=True)
        except ModuleNotFoundError as error:
            typer.echo(f"This command needs {error.name}, which is not installed: {INSTALL_HINT}", err=True)
        raise typer.Exit(COULD_NOT_RUN)


app = typer.Typer(
    name="safelight",
    cls=Sentences,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 all went well, 1 some of it failed, 2 it could not run.",
)


@app.callback()
def wire(context: typer.Context) -> None:
    """Images in, job IDs out at once, results later.

    Start with [bold]safelight demo[/bold].
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    context.obj = context.obj or Wiring(_connect, _start_engine, _verify, _list_objects)


app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("submit", epilog=submit.EXAMPLES)(submit.submit)
app.command("ingest", epilog=ingest.EXAMPLES)(ingest.ingest)
app.command("backfill", epilog=backfill.EXAMPLES)(backfill.backfill)
app.command("plan", epilog=plan.EXAMPLES)(plan.plan)
app.command("status", epilog=status.EXAMPLES)(status.status)
app.command("result", epilog=result.EXAMPLES)(result.result)
app.command("receipt", epilog=receipt.EXAMPLES)(receipt.receipt)
app.command("verify", epilog=verify.EXAMPLES)(verify.verify)
app.command("list", epilog=listing.EXAMPLES)(listing.list_jobs)
app.command("cancel", epilog=control.CANCEL_EXAMPLES)(control.cancel)
app.command("retry", epilog=control.RETRY_EXAMPLES)(control.retry)
app.command("delete", epilog=control.DELETE_EXAMPLES)(control.delete)
app.add_typer(dead_letters.app)
app.add_typer(presets.app, name="presets")
app.add_typer(assets.app, name="assets")
app.add_typer(webhooks.app, name="webhook")


def _connect(api_url: str) -> "Safelight":
    from safelight.auth import find_auth  # noqa: PLC0415 - --help must not wait for httpx
    from safelight.client import Safelight  # noqa: PLC0415

    return Safelight(api_url, auth=find_auth(api_url))


def _start_engine(state_dir: Path, report: Callable[[str], None]) -> Stack:
    from infra import local_stack  # noqa: PLC0415 - a client alone has no infra
    from infra.errors import SetupError  # noqa: PLC0415

    try:
        return local_stack.up(state_dir, report=report)
    except (SetupError, OSError) as error:
        raise EngineNotStarted(f"The local stack did not come up: {error}") from error


def _list_objects(api_url: str, name: str) -> Iterator[str]:
    from infra import bucket_listing  # noqa: PLC0415 - a client alone has no infra
    from infra.errors import SetupError  # noqa: PLC0415

    try:
        yield from bucket_listing.list_objects(name, api_url, find_state_dir())
    except SetupError as error:
        raise BucketNotListed(f"{name} can't be listed: {error}") from error


def _verify(
    document: dict[str, Any],
    raw: bytes | None,
    outputs: Mapping[str, bytes | None],
    assets: Mapping[str, bytes],
) -> list[Finding]:
    from worker import receipt_check  # noqa: PLC0415 - a client alone has no worker

    # What the interpreter may not start without; a child that renders gets no other variable.
    needed = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PYTHONHOME") if name in os.environ}
    evidence = receipt_check.Evidence(raw, outputs, assets)
    try:
        return [*receipt_check.verify(document, evidence, needed)]
    except receipt_check.ReceiptUnreadable as error:
        raise ReceiptNotRead(str(error)) from error


class ReceiptNotRead(ClientError):
    """The document is no receipt, or one of a later form."""

    code = "RECEIPT_NOT_READ"


class BucketNotListed(ClientError):
    """A bucket can't be listed with the credentials at hand."""

    code = "BUCKET_NOT_LISTED"


class EngineNotStarted(ClientError):
    """The local stack did not come up; the sentence says what to do."""

    code = "ENGINE_NOT_STARTED"


def _mount_infra() -> None:
    """Add the commands of ``infra``, or stand-ins that say what they need."""
    try:
        from infra.commands import app as infra_app  # noqa: PLC0415 - a client alone has no infra
    except ModuleNotFoundError:
        for name, purpose in LOCAL_COMMANDS.items():
            app.command(name, help=f"{purpose} Needs more than the client.")(_missing)
    else:
        app.add_typer(infra_app)


def _missing() -> None:
    typer.echo(f"This command needs more than the client: {INSTALL_HINT}", err=True)
    raise typer.Exit(COULD_NOT_RUN)


_mount_infra()
