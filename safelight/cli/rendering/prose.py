"""Text on a terminal: wrapped between words, and long words after a separator. Elsewhere, lines are whole."""

import re

import typer
from rich.cells import cell_len
from rich.console import Console

#: A word that is longer than a line is divided after one of these characters, if there is one.
_SEPARATORS = re.compile(r"[/\\_.,:;=&?-]")


def print_text(text: str, *, err: bool = False) -> None:
    """Print text to standard output or, if ``err``, to standard error.

    On a terminal, lines end between words, and the rest of an indented line has the same indent. Escape names and
    messages first, because they are untrusted.
    """
    console = Console(stderr=err)
    lines = text.split("\n")
    if console.is_terminal:
        lines = [part for line in lines for part in _wrap_indented(line, console.width)]
    typer.echo("\n".join(lines), err=err)


def wrap(text: str, width: int) -> list[str]:
    """Return text as lines of at most ``width`` columns."""
    lines = [""]
    for word in re.split(r"(?<= )", text):
        rest = word
        if lines[-1] and cell_len(lines[-1] + rest.rstrip(" ")) > width:
            lines.append("")
        while len(rest) > 1 and cell_len(rest.rstrip(" ")) > width:
            end = _find_division(rest, width)
            lines[-1:] = [rest[:end], ""]
            rest = rest[end:]
        lines[-1] += rest
    return [line.rstrip(" ") for line in lines]


def _find_division(word: str, width: int) -> int:
    """Return how many characters of a word are in the first line."""
    end = len(word)
    while end > 1 and cell_len(word[:end]) > width:
        end -= 1
    after = [found.end() for found in _SEPARATORS.finditer(word, 0, end)]
    return after[-1] if after and after[-1] > end // 3 else end


def _wrap_indented(line: str, width: int) -> list[str]:
    content = line.lstrip(" ")
    indent = line[: len(line) - len(content)]
    return [indent + each for each in wrap(content, max(width - len(indent), 1))]
