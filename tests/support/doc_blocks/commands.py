"""Check the commands of code blocks without running them."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import typer
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from support.markdown_page import Fence

from safelight.cli.app import app

ROOT = Path(__file__).parents[3]
_USAGE: Any = typer.BadParameter.__base__  # Typer has no public name for it
SHELLS = ("sh", "console")
_OPERATORS = re.compile(r"[();<>|&\n]+")
#: Commands of the AWS CLI that are not operations of a service.
_AWS_OWN = {("logs", "tail"), ("s3", "sync"), ("s3", "cp"), ("s3", "ls"), ("configure", "export-credentials")}
_AWS_GLOBAL = {"--query", "--output", "--region", "--profile", "--no-cli-pager", "--endpoint-url"}


def find_invalid_commands(fence: Fence) -> list[str]:
    """Return a sentence for each command or option of a block that does not exist."""
    if fence.language not in SHELLS:
        return []
    text = fence.text
    if fence.language == "console":
        text = "".join(f"{line[2:]}\n" for line in text.splitlines() if line.startswith("$ "))
    return [
        error
        for name, *arguments in _split_commands(text)
        if name in _CHECKS and (error := _CHECKS[name](arguments)) is not None
    ]


def _split_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command, split at shell operators."""
    joined = re.sub(r"(^|\s)#.*$", "", text.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(joined, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not _OPERATORS.fullmatch(word):
            words.append(word.removeprefix(".venv/bin/"))
        elif words:
            yield words
            words = []


def _check_safelight(arguments: list[str]) -> str | None:
    """Parse the arguments without running the command."""
    command: Any = typer.main.get_command(app)
    context = command.context_class(command)
    rest = arguments
    try:
        while hasattr(command, "resolve_command") and rest and not rest[0].startswith("-"):
            _, command, rest = command.resolve_command(context, rest)
            context = command.context_class(command, parent=context)
        command.make_parser(context).parse_args(list(rest))
    except _USAGE as fault:
        return f"safelight {' '.join(arguments)}: {fault}"
    return None


def _check_make(arguments: list[str]) -> str | None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    missing = [word for word in arguments if "=" not in word and not word.startswith("-") and word not in targets]
    return f"make has no target {missing}" if missing else None


def _check_aws(arguments: list[str]) -> str | None:
    service, operation, *rest = arguments
    if (service, operation) in _AWS_OWN:
        return None
    try:
        known = _list_operations({"s3api": "s3"}.get(service, service))
    except UnknownServiceError:
        return f"aws has no {service}"
    if operation not in known:
        return f"aws {service} has no {operation}"
    # --no-… turns a switch off; --cli-… belong to the CLI itself.
    options = {re.sub(r"^--no-(?!cli)", "--", word) for word in rest if word.startswith("--")}
    unknown = options - _AWS_GLOBAL - {f"--{member}" for member in known[operation]}
    return f"aws {service} {operation} has no {sorted(unknown)}" if unknown else None


@cache
def _list_operations(service: str) -> Mapping[str, frozenset[str]]:
    """Return the options of each operation of an AWS service, from botocore."""
    model = botocore.session.get_session().get_service_model(service)
    shapes = {name: model.operation_model(name).input_shape for name in model.operation_names}
    return {
        xform_name(name, "-"): frozenset(xform_name(member, "-") for member in (shape.members if shape else ()))
        for name, shape in shapes.items()
    }


_CHECKS: Mapping[str, Callable[[list[str]], str | None]] = {
    "safelight": _check_safelight,
    "make": _check_make,
    "aws": _check_aws,
}
