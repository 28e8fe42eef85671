"""The command group of ``safelight``, which lists all commands and loads the one that runs."""

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from safelight.cli.commands import COMMANDS, CommandRow
from safelight.cli.options import COULD_NOT_RUN
from safelight.errors import ClientError


class CommandGroup(TyperGroup):
    """A group that loads commands lazily and prints expected errors as one sentence."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - Typer's own
        super().__init__(**attributes)
        for row in COMMANDS:
            # A stub for the list of commands; resolve_command loads the real one.
            self.commands[row.name] = TyperCommand(row.name, help=row.help, rich_help_panel=row.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Click's types are not public
        """Return the loaded command and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        row = next((each for each in COMMANDS if each.name == name), None)
        return name, command if row is None else load_command(row), rest

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401 - Typer's own
        """Run a command. An expected error becomes a sentence on standard error and exit code 2."""
        try:
            return super().invoke(ctx)
        except ClientError as error:
            from safelight.cli.rendering.text import sentence  # noqa: PLC0415 - only after an error

            typer.echo(sentence(error), err=True)
        except ModuleNotFoundError as error:
            typer.echo(
                f"This command needs a checkout of Safelight: the module {error.name} is not installed. "
                "Clone the repository and run `make up` in it.",
                err=True,
            )
        raise typer.Exit(COULD_NOT_RUN)


def load_command(row: CommandRow) -> Any:  # noqa: ANN401 - Click's types are not public
    """Import the command of a row. Raises ModuleNotFoundError if it is not installed."""
    module = importlib.import_module(row.module)
    if hasattr(module, "app"):
        group: Any = typer.main.get_group(module.app)
        # infra has its commands in one application.
        return group.commands.get(row.name, group)
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(row.name, epilog=module.EXAMPLES)(getattr(module, row.module.rpartition(".")[2]))
    return typer.main.get_command(app)
