"""The output of ``safelight ingest --dry-run``: every file, what would be done with it, and why."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console

from safelight.cli.rendering import text
from safelight.cli.rendering.ingest import wrap_path
from safelight.cli.rendering.prose import print_text, wrap
from safelight.ingest.preview import Action, PreviewRow


def print_preview(rows: Iterable[PreviewRow], *, as_json: bool, quiet: bool = False) -> bool:
    """Print rows as they are found. Return True if no file fails.

    The fields of a line are the action, the file, the reason, the bytes and the message. ``quiet`` prints only files
    that fail.
    """
    console = Console()
    counts: Counter[str] = Counter()
    size = 0
    if as_json:
        typer.echo('{\n  "dry_run": true,\n  "entries": [', nl=False)
    for row in rows:
        if as_json:
            typer.echo((",\n    " if counts else "\n    ") + json.dumps(_describe(row)), nl=False)
        elif not quiet or row.action is Action.FAIL:
            typer.echo(_format_block(row, console.width) if console.is_terminal else _format(row))
        counts[row.action] += 1
        size += row.size or 0
    totals: dict[str, int] = {action.value: counts[action] for action in Action}
    if as_json:
        typer.echo("\n  ],\n" + json.dumps({**totals, "bytes": size}, indent=2).removeprefix("{\n"))
    elif not quiet:
        print_text(
            f"Dry run, nothing was sent: {totals['send']:,} files to send ({text.format_size(size)}), "
            f"{totals['continue']:,} to continue, {totals['skip']:,} to skip, {totals['fail']:,} would fail.",
            err=True,
        )
    return not counts[Action.FAIL]


def _describe(row: PreviewRow) -> dict[str, Any]:
    return {
        # Undecodable bytes of a name are escaped, as in the report.
        "file": row.file.encode(errors="backslashreplace").decode(),
        "action": row.action.value,
        "reason": row.reason,
        "message": row.message,
        "bytes": row.size,
    }


def _format_block(row: PreviewRow, width: int) -> str:
    """Return the row for a terminal: columns of a fixed width, then the file, and the message in the next lines."""
    file = text.shorten_path(row.file)
    size = "" if row.size is None else text.format_size(row.size)
    head = f"{row.action.value:<8}  {size or row.reason or '':<15}  "
    first, *rest = wrap_path(text.escape(file), width - len(head))
    lines = [head + first, *(" " * len(head) + each for each in rest)]
    if row.message:
        lines += [f"  {each}" for each in wrap(text.escape(row.message.replace(row.file, file)), width - 2)]
    return "\n".join(lines)


def _format(row: PreviewRow) -> str:
    file = text.shorten_path(row.file)
    message = (row.message or "-").replace(row.file, file)
    size = "-" if row.size is None else str(row.size)
    return "\t".join(text.escape(each) for each in (row.action.value, file, row.reason or "-", size, message))
