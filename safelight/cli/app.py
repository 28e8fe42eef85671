"""The ``safelight`` command, and the functions that connect it to the other packages."""

import safelight.cli.small_imports  # noqa: F401 - it must be the first import

# isort: split

import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.address import DEFAULT_STATE_DIR, find_state_dir, find_user_state_dir
from safelight.cli.command_group import FIRST_STEP, CommandGroup
from safelight.cli.old_state import move_old_files
from safelight.cli.wiring import Finding, Stack, Wiring
from safelight.errors import ClientError

if TYPE_CHECKING:
    from safelight.client import Safelight

app = typer.Typer(
    name="safelight",
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 success, 1 partial failure, 2 the command could not run, 3 still running, 130 interrupted.",
)


def _print_version(value: bool) -> None:
    """Print the version and exit, if ``--version`` is given."""
    if value:
        from importlib.metadata import version  # noqa: PLC0415 - only for this option

        typer.echo(f"safelight {version('safelight')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
]


@app.callback(help=f"Process images with Safelight. {FIRST_STEP}")
def create_wiring(context: typer.Context, *, version: Version = False) -> None:
    """Prepare the output streams and the dependencies of the commands."""
    del version  # its callback has printed it
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # The terminal's encoding may lack characters of a file name.
            stream.reconfigure(errors="backslashreplace")
    context.obj = context.obj or Wiring(_connect, _start_engine, _verify, _list_objects)


def _connect(api_url: str) -> "Safelight":
    from safelight.auth import find_auth  # noqa: PLC0415 - --help must not wait for httpx
    from safelight.client import Safelight  # noqa: PLC0415

    state_dir = find_user_state_dir() / "uploads"
    move_old_files(Path(DEFAULT_STATE_DIR) / "uploads", state_dir)
    return Safelight(api_url, auth=find_auth(api_url), state_dir=state_dir)


def _start_engine(state_dir: Path, report: Callable[[str], None]) -> Stack:
    from infra import local_stack  # noqa: PLC0415 - only with the extra local
    from infra.errors import SetupError, describe_unusable_state  # noqa: PLC0415

    try:
        return local_stack.up(state_dir, report=report)
    except SetupError as error:
        raise EngineNotStarted(f"The local stack did not start: {error}") from error
    except OSError as error:
        raise EngineNotStarted(f"The local stack did not start. {describe_unusable_state(error)}") from error


def _list_objects(api_url: str, name: str) -> Iterator[str]:
    from infra import bucket_listing  # noqa: PLC0415 - only with the extra local
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
    from worker import receipt_check  # noqa: PLC0415 - only with the extra local

    # The interpreter may need these; the rendering child process gets no other variable.
    needed = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PYTHONHOME") if name in os.environ}
    evidence = receipt_check.Evidence(raw, outputs, assets)
    try:
        return [*receipt_check.verify(document, evidence, needed)]
    except receipt_check.ReceiptUnreadable as error:
        raise ReceiptNotRead(str(error)) from error


class ReceiptNotRead(ClientError):
    """The document is not a receipt, or its version is unknown."""

    code = "RECEIPT_NOT_READ"


class BucketNotListed(ClientError):
    """The bucket can't be listed with the available credentials."""

    code = "BUCKET_NOT_LISTED"


class EngineNotStarted(ClientError):
    """The local stack did not start."""

    code = "ENGINE_NOT_STARTED"
