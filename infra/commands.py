"""Commands that start, stop, deploy and check a stack.

Each command imports what it needs, so that `safelight up --help` does not wait until boto3 is imported.
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

from infra.errors import SetupError, describe_unusable_state
from infra.terminal import print_labeled, print_text

if TYPE_CHECKING:
    from infra.deployment.change_sets import Changes
    from infra.local_stack import Report
    from infra.stack import Stack

STATE_VARIABLE = "SAFELIGHT_STATE_DIR"
#: Exit code of an expected error.
COULD_NOT_RUN = 2

app = typer.Typer()


class LocalEngine(StrEnum):
    """Engines that run on this machine."""

    EMBEDDED = "embedded"
    LOCALSTACK = "localstack"


class RemoteEngine(StrEnum):
    """The engine that `deploy` and `destroy` support."""

    AWS = "aws"


Profile = Annotated[str | None, typer.Option(help="AWS profile. Default: the credentials that the AWS SDK finds.")]
Region = Annotated[str | None, typer.Option(help="AWS region. Default: the region of the profile.")]
StackName = Annotated[
    str,
    typer.Option(
        "--name",
        help="Name of the CloudFormation stack. By default, the names of the stack's resources start with this name.",
    ),
]
DeployEngine = Annotated[
    RemoteEngine,
    typer.Option("--engine", help="Where to deploy. The only value is aws. For a local engine, use safelight up."),
]
DestroyEngine = Annotated[
    RemoteEngine,
    typer.Option(
        "--engine", help="Where the stack is. The only value is aws. For a local engine, use safelight down --wipe."
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        metavar="NAME=VALUE",
        help="Template parameter. Repeatable. docs/settings.md lists the parameters.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def state_dir() -> Path:
    """Return the folder for local state."""
    return Path(os.environ.get(STATE_VARIABLE) or ".safelight")


@app.command()
def up(
    engine: Annotated[LocalEngine, typer.Option(help="Engine to run Safelight on.")] = LocalEngine.EMBEDDED,
    as_json: Annotated[bool, typer.Option("--json", help="Print only the URLs and resource names, as JSON.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep running, and deploy again when the code changes.")
    ] = False,
    parameter: Parameters = None,
    reset_parameters: Annotated[
        bool, typer.Option("--reset-parameters", help="Forget the parameters of earlier commands.")
    ] = False,
) -> None:
    """Start a local stack, and wait until its API is healthy.

    If the stack is already running, the command deploys what has changed. Parameters are kept for the next
    `safelight up` and `safelight demo`, until `safelight down --wipe`.
    """
    with report_expected_errors(), show_progress(quiet=as_json) as report:
        from infra import local_stack

        given = parse_parameters(parameter or [])
        if reset_parameters:
            local_stack.forget_parameters(state_dir())
        stack = local_stack.up(state_dir(), engine.value, given, report=report)
        if given:
            local_stack.save_parameters(state_dir(), local_stack.read_parameters(state_dir()) | given)
    _show(stack, as_json=as_json)
    if watch:
        from infra import hot_reload

        print_text(
            "Watching the code of the functions and the web page. To stop, press Ctrl-C. The stack keeps running.",
            err=True,
        )
        hot_reload.follow_changes(state_dir(), engine.value, lambda text: typer.echo(text, err=True))


@app.command()
def down(wipe: Annotated[bool, typer.Option("--wipe", help="Also delete all data.")] = False) -> None:
    """Stop the local stack. Unless you pass --wipe, its data is kept for the next `safelight up`."""
    with report_expected_errors():
        from infra import local_stack

        stopped = local_stack.down(state_dir(), wipe=wipe)
    print_text(stopped or f"Nothing was running.{' All local data is deleted.' if wipe else ''}")


@app.command()
def deploy(  # noqa: PLR0913 - one argument for each option
    *,
    engine: DeployEngine = RemoteEngine.AWS,
    name: StackName = "safelight",
    profile: Profile = None,
    region: Region = None,
    parameter: Parameters = None,
    yes: Yes = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the URLs and resource names as JSON. Needs --yes.")
    ] = False,
) -> None:
    """Deploy Safelight to an AWS account.

    The command uploads the Lambda packages to a bucket in the account and shows the change set. It changes the
    stack only after you confirm.
    """
    del engine  # one value so far
    with report_expected_errors():
        from infra.deployment import aws_account, bytecode, wheels

        if as_json and not yes:
            raise SetupError("--json cannot ask for confirmation: add --yes.")
        if bytecode.find_python(wheels.PYTHON_VERSION) is None:
            print_text(
                f"Python {wheels.PYTHON_VERSION} is not installed, so the Lambda packages contain no bytecode. Cold "
                "starts take about twice as long.",
                err=True,
            )
        account = aws_account.Account(name, profile, region)
        given = parse_parameters(parameter or [])
        stack = aws_account.deploy_aws(
            account, given, state_dir() / "build", lambda changes: _approve(changes, yes=yes)
        )
        if stack is None:
            typer.echo("No changes were made.", err=True)
            raise typer.Exit(1)
    _show(stack, as_json=as_json)


@app.command()
def destroy(
    *,
    engine: DestroyEngine = RemoteEngine.AWS,
    name: StackName = "safelight",
    profile: Profile = None,
    region: Region = None,
    yes: Yes = False,
) -> None:
    """Delete a stack, with all its images and jobs, from an AWS account."""
    del engine  # one value so far
    with report_expected_errors():
        if not yes:
            typer.confirm(f"Delete the stack {name} with all its images and jobs?", abort=True)
        from infra.deployment import aws_account

        gone = aws_account.destroy_aws(aws_account.Account(name, profile, region))
    print_text(f"The stack {name} is deleted." if gone else f"There is no stack {name}.")


@app.command()
def doctor() -> None:
    """Check the setup and show how to fix problems. The exit code is 1 if a check fails."""
    from infra.doctor import Level, diagnose

    console = Console()
    colors = {Level.OK: "green", Level.OPTIONAL: "cyan", Level.WARN: "yellow", Level.FAIL: "red"}
    failed = False
    for finding in diagnose(state_dir()):
        failed = failed or finding.level is Level.FAIL
        label, style = finding.level.value, colors[finding.level]
        print_labeled(label, finding.text, console, label_width=9, style=style)
    if failed:
        raise typer.Exit(1)


def _show(stack: "Stack", *, as_json: bool) -> None:
    if as_json:
        typer.echo(stack.to_json())
        return
    from infra.stack import ENGINE_LABELS

    typer.echo(f"Safelight is running on {ENGINE_LABELS[stack.engine]}.")
    for label, value in (
        ("API", stack.api_url),
        ("Web page", stack.ui_url),
        ("AWS endpoint", stack.endpoint_url),
        ("Bucket", stack.bucket),
        ("Table", stack.table),
    ):
        if value:
            typer.echo(f"{label:<13}{value}")


@contextmanager
def show_progress(*, quiet: bool) -> "Iterator[Report]":
    """Yield a function that shows each step: a spinner on a terminal, lines elsewhere, nothing if quiet."""
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
    return yes or typer.confirm(f"Apply these {len(changes)} changes?", err=True)


def parse_parameters(lines: list[str]) -> dict[str, str]:
    """Return template parameters from ``NAME=VALUE``. Raises SetupError for a line without ``=``."""
    given: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals:
            raise SetupError(f"--parameter must be NAME=VALUE, not {line!r}.")
        given[name] = value
    return given


@contextmanager
def report_expected_errors() -> Iterator[None]:
    """Print an expected error as one sentence, without a traceback."""
    try:
        yield
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        sys.stdout.flush()
        print_text(sentence, err=True)
        raise typer.Exit(COULD_NOT_RUN) from error


def _sentence(error: Exception) -> str | None:
    """Return the sentence for an expected error, None for any other."""
    from filelock import Timeout

    if isinstance(error, Timeout):
        return f"Another command holds {error.lock_file}. Wait until it ends and try again."
    if isinstance(error, SetupError):
        return str(error)
    if isinstance(error, OSError):
        return describe_unusable_state(error)
    return None
