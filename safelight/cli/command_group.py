"""The command group of ``safelight``, which lists all commands and loads the one that runs."""

import importlib
import inspect
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from safelight.cli import stack_code
from safelight.cli.commands import COMMANDS, HIDDEN, STACK, CommandRow
from safelight.cli.options import EXIT_NOT_RUN, choose_exit_code
from safelight.errors import ClientError

#: Whether this installation can run a local stack.
HAS_STACK = stack_code.is_usable()
#: The advice for new users.
FIRST_STEP = (
    "To try it, run: [bold]safelight demo[/bold]"
    if HAS_STACK
    else "Set SAFELIGHT_API_URL to the URL of an API, or pass --api-url to each command."
)
#: What to do if the name or ID in a command does not exist, by the code of the error.
_ADVICE = {
    "ASSET_NOT_FOUND": "To list the names, run: safelight assets list",
    "BATCH_NOT_FOUND": "To list the IDs, run: safelight batches list",
    "JOB_NOT_FOUND": "To list the IDs, run: safelight list",
    "PRESET_NOT_FOUND": "To list the names, run: safelight presets list",
    "TOKEN_NOT_FOUND": "To list the IDs, run: safelight tokens list",
    "WATCH_NOT_FOUND": "To list the IDs, run: safelight watches list",
    "WEBHOOK_NOT_FOUND": "To list the names, run: safelight webhooks list",
}
#: Commands that need the packages of the stack.
STACK_COMMANDS = frozenset({"demo", "verify"} | {row.name for row in COMMANDS if row.panel == STACK})
#: The panel of these commands in the help of an installation without them.
UNAVAILABLE_PANEL = "Only with the extra local"


class CommandGroup(TyperGroup):
    """A group that loads commands lazily and prints each expected error as one line."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - Typer's own
        super().__init__(**attributes)
        for row in sorted(COMMANDS, key=_is_unavailable):
            # A stub for --help. resolve_command loads the command.
            panel = UNAVAILABLE_PANEL if _is_unavailable(row) else row.panel
            self.commands[row.name] = TyperCommand(
                row.name, help=row.help, rich_help_panel=panel, hidden=row.panel == HIDDEN
            )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Click's types are not public
        """Return the loaded command and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        row = next((each for each in COMMANDS if each.name == name), None)
        return name, command if row is None else load_command(row), rest

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401 - Typer's own
        """Run a command. Print an expected error to standard error and exit with the code for it."""
        try:
            return super().invoke(ctx)
        except ClientError as error:
            from safelight.cli.rendering.prose import print_text  # noqa: PLC0415 - only after an error
            from safelight.cli.rendering.text import format_error  # noqa: PLC0415

            print_text(format_error(error), err=True)
            if advice := _ADVICE.get(error.code):
                print_text(advice, err=True)
            raise typer.Exit(choose_exit_code(error)) from error
        except PermissionError as error:
            from safelight.cli.rendering.prose import print_text  # noqa: PLC0415 - only after an error

            print_text(f"{error.filename or 'A file'} can't be used ({error.strerror}).", err=True)
            raise typer.Exit(EXIT_NOT_RUN) from error
        except ModuleNotFoundError as error:
            from safelight.cli.rendering.prose import print_text  # noqa: PLC0415 - only after an error

            print_text(
                f"This command needs the extra local, because the module {error.name} is not installed here. "
                f"Run: {stack_code.INSTALL} (in a checkout: make up). "
                "Other commands work with any API: set SAFELIGHT_API_URL, or pass --api-url.",
                err=True,
            )
            raise typer.Exit(EXIT_NOT_RUN) from error


def _is_unavailable(row: CommandRow) -> bool:
    """Return True if a command needs the packages of the stack and they are not installed."""
    return row.name in STACK_COMMANDS and not HAS_STACK


def load_command(row: CommandRow) -> Any:  # noqa: ANN401 - Click's types are not public
    """Import and return the command of a row. Raises ModuleNotFoundError if a package is missing."""
    module = importlib.import_module(row.module)
    if hasattr(module, "app"):
        group: Any = typer.main.get_group(module.app)
        # The application of infra has several commands.
        return group.commands.get(row.name, group)
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    function = getattr(module, row.module.rpartition(".")[2])
    # Rich keeps line breaks, so each paragraph becomes one line.
    paragraphs = [" ".join(each.split()) for each in (inspect.getdoc(function) or "").split("\n\n")]
    app.command(row.name, help="\n\n".join(paragraphs), epilog=module.EXAMPLES)(function)
    return typer.main.get_command(app)
