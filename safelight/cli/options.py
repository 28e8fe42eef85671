"""Options that several commands share, and how option texts are read."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

#: Exit codes.
ALL_WELL, SOME_FAILED, COULD_NOT_RUN = 0, 1, 2

ApiUrl = Annotated[
    str | None,
    typer.Option(
        "--api-url",
        metavar="URL",
        help="Address of the API, ending in /v1. Else SAFELIGHT_API_URL, else the local stack.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, for machines.")]


def read_pipeline(text: str | None) -> dict[str, Any] | None:
    """Read ``--pipeline``: JSON, or ``@file`` with JSON in it, or ``@-`` for standard input.

    Raises BadParameter, which ends the command with exit code 2.
    """
    if text is None:
        return None
    try:
        document = json.loads(_from_file(text[1:]) if text.startswith("@") else text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"the pipeline is not valid JSON ({error}).") from error
    if not isinstance(document, dict):
        raise typer.BadParameter('the pipeline must be a JSON object, such as {"operations": []}.')
    return document


def short_options(pipeline: str | None, preset: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the short options that were given. Raises BadParameter where two ways of asking are mixed."""
    options = {name: value for name, value in given.items() if value is not None}
    if pipeline is not None and preset is not None:
        raise typer.BadParameter("give --pipeline or --preset, not both.")
    if options and (pipeline is not None or preset is not None):
        way = "--pipeline" if pipeline is not None else "--preset"
        raise typer.BadParameter(f"{way} says all; leave out --" + ", --".join(options) + ".")
    return options


def _from_file(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{name} can't be read ({error.strerror or error}).") from error
