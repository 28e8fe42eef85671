"""A parsed Markdown page: links, anchors, code spans and fenced blocks with line numbers."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table")
_HTML_TARGET = re.compile(r"""\b(?:href|src)=["']([^"']+)["']""")
_HTML_ANCHOR = re.compile(r"""\b(?:id|name)=["']([^"']+)["']""")


@dataclass(frozen=True)
class TextAt:
    """A text and the line on which its paragraph or block begins."""

    text: str
    line: int


@dataclass(frozen=True)
class Fence:
    """Language, content and first line of a fenced block."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Page:
    """The elements of a page, in order."""

    links: tuple[TextAt, ...]
    anchors: frozenset[str]
    code: tuple[TextAt, ...]
    fences: tuple[Fence, ...]


def read_page(path: Path) -> Page:
    """Return the parsed page of a file."""
    return parse_page(path.read_text("utf-8"))


def parse_page(text: str) -> Page:
    """Return the parsed page of a text."""
    tokens = _PARSER.parse(text)
    return Page(
        links=tuple(_links(tokens)),
        anchors=frozenset(_anchors(tokens)),
        code=tuple(
            TextAt(child.content, line)
            for child, line in _inline(tokens)
            if child.type in {"code_inline", "code_block"}
        ),
        fences=tuple(
            Fence(token.info.strip(), token.content, _line(token)) for token in tokens if token.type == "fence"
        ),
    )


def make_anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0


def _inline(tokens: list[Token]) -> Iterator[tuple[Token, int]]:
    """Yield the inline tokens of paragraphs, headings and cells with the line of their block."""
    for token in tokens:
        for child in token.children or ():
            yield child, _line(token)


def _links(tokens: list[Token]) -> Iterator[TextAt]:
    for child, line in _inline(tokens):
        if child.type in {"link_open", "image"}:
            yield TextAt(str(child.attrs["href" if child.type == "link_open" else "src"]), line)
        elif child.type == "html_inline":
            yield from (TextAt(target, line) for target in _HTML_TARGET.findall(child.content))
    for token in tokens:
        if token.type == "html_block":
            yield from (TextAt(target, _line(token)) for target in _HTML_TARGET.findall(token.content))


def _anchors(tokens: list[Token]) -> Iterator[str]:
    given: dict[str, int] = {}
    for opening, content in itertools.pairwise(tokens):
        if opening.type != "heading_open":
            continue
        anchor = make_anchor("".join(child.content for child in content.children or ()))
        # Repeated headings get a number.
        count = given[anchor] = given.get(anchor, -1) + 1
        yield f"{anchor}-{count}" if count else anchor
    for token in [*tokens, *(child for child, _ in _inline(tokens))]:
        if token.type in {"html_block", "html_inline"}:
            yield from _HTML_ANCHOR.findall(token.content)
