"""The commands that bring a stack up and down, deploy it, and look the set-up over.

What a command needs is imported in it: every `safelight --help` reads this module, and boto3 takes longer
than all the rest.
"""

# ruff: noqa: PLC0415

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from infra.faults import SetupFault

if TYPE_CHECKING:
    from infra.deployment.deploy import Changes
    from infra.local import Report
    from infra.stack import Stack

STATE_VARIABLE = "SAFELIGHT_STATE_DIR"
#: Exit code of an expected fault.
FAULT = 2

app = typer.Typer()


class LocalEngine(StrEnum):
    """Engines that run on this machine."""

    EMBEDDED = "embedded"
    LOCALSTACK = "localstack"


class RemoteEngine(StrEnum):
    """Where `deploy` and `destroy` work."""

    AWS = "aws"


Profile = Annotated[str | None, typer.Option(help="AWS profile; otherwise the usual credentials.")]
Region = Annotated[str | None, typer.Option(help="AWS region; otherwise the profile's.")]
StackName = Annotated[str, typer.Option("--name", help="Name of the stack and beginning of its resources' names.")]
Where = Annotated[RemoteEngine, typer.Option("--engine", help="Where to.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


def state_dir() -> Path:
    """Return the folder that everything local lies in."""
    return Path(os.environ.get(STATE_VARIABLE) or ".safelight")


@app.command()
def up(
    engine: Annotated[LocalEngine, typer.Option(help="What plays AWS.")] = LocalEngine.EMBEDDED,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON and nothing else.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and deploy again whenever our code changes.")] = False,
) -> None:
    """Start the engine, deploy the stack and wait until it is healthy; safe to repeat."""
    with _faults(), _progress(quiet=as_json) as report:
        from infra import local

        stack = local.up(state_dir(), engine.value, report=report)
    _show(stack, as_json=as_json)
    if watch:
        from infra import reload

        typer.echo("Watching the functions' code and web/; Ctrl-C ends it and leaves the stack up.", err=True)
        reload.follow(state_dir(), engine.value, lambda text: typer.echo(text, err=True))


@app.command()
def down(wipe: Annotated[bool, typer.Option("--wipe", help="Remove all data too.")] = False) -> None:
    """Stop the engine. Data is kept for the next `up` unless it is wiped."""
    with _faults():
        from infra import local

        told = local.down(state_dir(), wipe=wipe)
    typer.echo(told or f"Nothing was running{'; what was left is removed' if wipe else ''}.")


@app.command()
def deploy(  # noqa: PLR0913 - one argument for each option
    *,
    engine: Where = RemoteEngine.AWS,
    name: StackName = "safelight",
    profile: Profile = None,
    region: Region = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="Template parameter as NAME=VALUE; docs/settings.md lists them.")
    ] = None,
    yes: Yes = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON; needs --yes.")] = False,
) -> None:
    """Deploy to an AWS account; shows what would change and asks before it does anything."""
    del engine  # one value so far
    with _faults():
        from infra.deployment import remote

        if as_json and not yes:
            raise SetupFault("--json prints nothing but JSON and so can't ask: add --yes.")
        account = remote.Account(name, profile, region)
        given = _parameters(parameter or [])
        stack = remote.deploy_aws(account, given, state_dir() / "build", lambda changes: _approve(changes, yes=yes))
        if stack is None:
            typer.echo("Nothing was changed.", err=True)
            raise typer.Exit(1)
    _show(stack, as_json=as_json)


@app.command()
def destroy(
    *,
    engine: Where = RemoteEngine.AWS,
    name: StackName = "safelight",
    profile: Profile = None,
    region: Region = None,
    yes: Yes = False,
) -> None:
    """Delete the stack from an AWS account, with every image and job in it."""
    del engine  # one value so far
    with _faults():
        if not yes:
            typer.confirm(f"Delete the stack {name} with all its images and jobs?", abort=True)
        from infra.deployment import remote

        gone = remote.destroy_aws(remote.Account(name, profile, region))
    typer.echo(f"The stack {name} is deleted." if gone else f"There is no stack {name}.")


@app.command()
def doctor() -> None:
    """Check the set-up and say what to do; exit code 1 when something must be mended."""
    from infra.doctor import Level, examine

    console = Console(highlight=False, soft_wrap=True)
    colors = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
    failed = False
    for finding in examine(state_dir()):
        failed = failed or finding.level is Level.FAIL
        console.print(f"{finding.level.value:<5}", style=colors[finding.level], end="")
        console.print(finding.text, markup=False)
    if failed:
        raise typer.Exit(1)


def _show(stack: "Stack", *, as_json: bool) -> None:
    if as_json:
        typer.echo(stack.to_json())
        return
    typer.echo(f"Safelight is up on {stack.engine}.")
    for label, value in (
        ("API", stack.api_url),
        ("UI", stack.ui_url),
        ("AWS endpoint", stack.endpoint_url),
        ("bucket", stack.bucket),
        ("table", stack.table),
    ):
        if value:
            typer.echo(f"  {label:<13}{value}")


@contextmanager
def _progress(*, quiet: bool) -> "Iterator[Report]":
    """Hand out what is told each step: a spinner on a terminal, lines elsewhere, nothing when quiet."""
    console = Console(stderr=True)
    if quiet:
        yield lambda _text: None
    elif console.is_terminal:
        with console.status("starting") as status:
            yield status.update
    else:
        yield lambda text: typer.echo(text, err=True)


def _approve(changes: "Changes", *, yes: bool) -> bool:
    for change in changes:
        note = f" (replacement: {change.replacement})" if change.replacement in ("True", "Conditional") else ""
        typer.echo(f"{change.action:<8}{change.resource_type:<36}{change.logical_id}{note}", err=True)
    return yes or typer.confirm(f"Make these {len(changes)} changes?", err=True)


def _parameters(lines: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals:
            raise SetupFault(f"--parameter takes NAME=VALUE, not {line!r}.")
        given[name] = value
    return given


@contextmanager
def _faults() -> Iterator[None]:
    """Say an expected fault in one sentence, without a traceback."""
    try:
        yield
    except Exception as fault:
        sentence = _sentence(fault)
        if sentence is None:
            raise
        sys.stdout.flush()
        typer.echo(sentence, err=True)
        raise typer.Exit(FAULT) from fault


def _sentence(fault: Exception) -> str | None:
    """Say it in words, or return None for what is no expected fault."""
    from filelock import Timeout

    if isinstance(fault, Timeout):
        return f"Another command holds {fault.lock_file}; wait for it and try again."
    if isinstance(fault, SetupFault):
        return str(fault)
    if isinstance(fault, OSError):
        return f"The state directory can't be used: {fault}"
    return None
