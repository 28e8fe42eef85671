"""Commands that inspect and reset a local stack: ``safelight logs``, ``env`` and ``reset``."""

# ruff: noqa: PLC0415 - see infra/commands.py

import json
import shlex
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from infra.commands import report_expected_errors, show_progress, state_dir
from infra.errors import SetupError
from infra.terminal import print_text

if TYPE_CHECKING:
    from infra.stack import Stack

app = typer.Typer()

_POLL_SECONDS = 0.5
_LEVELS = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow"}
#: Fields of a log line that have a place of their own, or that are the same in all lines.
_SHOWN_FIRST = frozenset(
    {
        *("level", "message", "timestamp", "service", "location", "exception", "exception_name", "cold_start"),
        *("function_name", "function_memory_size", "function_arn", "function_request_id"),
    }
)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log of a function."""

    #: Milliseconds since the epoch.
    time: int
    #: Role of the function, such as ``worker``.
    role: str
    text: str

    @property
    def moment(self) -> datetime:
        """Return when the function wrote the line. The engine can receive it later."""
        try:
            return datetime.fromisoformat(self.parse()["timestamp"])
        except (KeyError, TypeError, ValueError):
            return datetime.fromtimestamp(self.time / 1000, UTC)

    def parse(self) -> dict[str, Any]:
        """Return the fields of a structured line, or the text of another line as ``message``."""
        try:
            fields = json.loads(self.text)
        except ValueError:
            fields = None
        return fields if isinstance(fields, dict) else {"message": self.text.rstrip()}


@app.command()
def logs(
    function: Annotated[
        str | None, typer.Argument(metavar="[FUNCTION]", help="Only this function, such as worker or api.")
    ] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="Only lines about this job.")] = None,
    since: Annotated[int, typer.Option("--minutes", min=1, metavar="N", help="Only lines of the last minutes.")] = 60,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Also print new lines, until you press Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as one JSON document.")] = False,
) -> None:
    """Show the logs of the functions of the local stack.

    The oldest line is the first. On AWS, use `aws logs tail /aws/lambda/NAME --follow`.
    """
    with report_expected_errors():
        stack = read_stack()
        roles = choose_roles(stack, function)
        start = datetime.now(UTC) - timedelta(minutes=since)
        console = Console(highlight=False, soft_wrap=True)
        try:
            for line in read_lines(stack, roles, int(start.timestamp() * 1000), follow=follow):
                if job is None or job in line.text:
                    _print_line(line, console, as_json=as_json)
        except KeyboardInterrupt:
            return


@app.command()
def env(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print environment variables for the local stack.

    They are also for the AWS CLI and SDKs. To set them in your shell, run: eval "$(safelight env)"
    """
    with report_expected_errors():
        variables = list_variables(read_stack())
    if as_json:
        typer.echo(json.dumps(variables, indent=2))
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False) -> None:
    """Delete all data of the local stack, and start it again.

    The template parameters stay.
    """
    with report_expected_errors():
        from infra import local_stack
        from infra.engines import embedded

        stack = read_stack()
        parameters = local_stack.read_parameters(state_dir())
        if not yes:
            typer.confirm("Delete all images and jobs of the local stack?", abort=True)
        with show_progress(quiet=False) as report:
            port = embedded.read_port(state_dir())
            local_stack.down(state_dir(), wipe=True)
            if port is not None:
                # Other shells and programs have the URLs of the stack.
                embedded.remember_port(state_dir(), port)
            started = local_stack.up(state_dir(), stack.engine, report=report, parameters=parameters)
            if parameters:
                local_stack.save_parameters(state_dir(), parameters)
    print_text(f"The local stack is empty. API: {started.api_url}")


def list_variables(stack: "Stack") -> dict[str, str]:
    """Return the environment variables with which clients, the AWS CLI and SDKs use a local stack."""
    from infra.sessions import LOCAL_KEY, LOCAL_REGION

    return {
        "SAFELIGHT_API_URL": stack.api_url,
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_ACCESS_KEY_ID": LOCAL_KEY,
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEY,
        "AWS_REGION": LOCAL_REGION,
        "AWS_DEFAULT_REGION": LOCAL_REGION,
        "SAFELIGHT_BUCKET": stack.bucket,
        "SAFELIGHT_TABLE": stack.table,
        "SAFELIGHT_QUEUE_URL": stack.queue_url,
        "SAFELIGHT_BULK_QUEUE_URL": stack.bulk_queue_url,
        "SAFELIGHT_DEAD_LETTER_QUEUE_URL": stack.dead_letter_queue_url,
    }


def read_lines(stack: "Stack", roles: Mapping[str, str], start: int, *, follow: bool = False) -> Iterator[LogLine]:
    """Yield the log lines since ``start`` (milliseconds since the epoch), sorted by time. ``roles`` has function names.

    With ``follow``, never ends: new lines of several functions are then sorted only within a short time.
    """
    from infra.log_reader import read_logs

    readers = read_logs(stack, roles, start)
    while True:
        found = [
            LogLine(event["timestamp"], role, event["message"])
            for role, reader in readers.items()
            for event in reader.read_new()
        ]
        yield from sorted(found, key=lambda line: line.moment)
        if not follow:
            return
        time.sleep(_POLL_SECONDS)


def _print_line(line: LogLine, console: Console, *, as_json: bool) -> None:
    fields = line.parse()
    moment = line.moment
    stamp = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if as_json:
        typer.echo(json.dumps({"time": stamp, "function": line.role, **fields}))
        return
    level, message = str(fields.get("level", "-")), _escape(str(fields.get("message", "")))
    more = " ".join(
        f"{name}={_escape(json.dumps(value))}" for name, value in fields.items() if name not in _SHOWN_FIRST
    )
    if not console.is_terminal:
        typer.echo("\t".join((stamp, line.role, level, message, more or "-")))
        return
    head = f"{moment.astimezone():%H:%M:%S} {line.role:<12} {level:<7} "
    console.print(head, style=_LEVELS.get(level, ""), end="", markup=False)
    whole = f"{message}  {more}".rstrip()
    if len(head) + len(whole) <= console.width:
        console.print(whole, markup=False)
    else:
        console.print(message, markup=False)
        fields_below = textwrap.wrap(more, console.width - 4, break_long_words=False, break_on_hyphens=False)
        console.print("\n".join(f"    {each}" for each in fields_below), markup=False)
    for each in str(fields.get("exception", "")).splitlines():
        console.print(f"    {_escape(each)}", style="red", markup=False)


def _escape(text: str) -> str:
    """Escape control characters, because names in log lines are untrusted."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def choose_roles(stack: "Stack", function: str | None) -> Mapping[str, str]:
    """Return the names of all functions by role, or of one. Raises SetupError if the function does not exist."""
    if function is None:
        return stack.functions
    role = function.replace("-", "_")
    if role not in stack.functions:
        raise SetupError(f"There is no function {function}. Choose one of {_join(tuple(stack.functions))}.")
    return {role: stack.functions[role]}


def _join(names: Sequence[str]) -> str:
    return ", ".join(names)


def read_stack() -> "Stack":
    """Return the stack of the last ``up``. Raises SetupError if there is none."""
    from infra import local_stack

    stack = local_stack.read_current_stack(state_dir())
    if stack is None:
        folder = Path(state_dir()).absolute()
        raise SetupError(
            f"There is no local stack in {folder}. Start one with `safelight up`, or set SAFELIGHT_STATE_DIR."
        )
    return stack
