"""The blocks of a page, and the marks above them, as Sybil finds them.

A mark is an HTML comment, so that no reader sees it:

* ``not run: REASON``: the next block can't run on any machine; its commands are still looked up;
* ``answers: METHOD PATH STATUS``: the next block shows that answer, in the words of the OpenAPI document;
* ``invisible-code-block: LANGUAGE``, the block itself, and the end of the comment: runs, but is not shown.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import CodeBlockParser
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer

MARKS = ("not run", "answers")
Do = Callable[[Example], None]
Parser = Callable[[Document], Iterable[Region]]


@dataclass(frozen=True)
class Mark:
    """What a comment says of the next block."""

    kind: str
    text: str


def examples(path: Path, do: Mapping[str, Do], note: Do) -> list[Example]:
    """Return the blocks and marks of a page in order: ``do`` has what runs each language, ``note`` takes marks."""
    parsers: list[Parser] = [
        *(CodeBlockParser(language, evaluator) for language, evaluator in do.items()),
        *_mark_parsers(note),
    ]
    return list(Sybil(parsers=parsers, pattern="*.md").parse(path).examples())


def _mark_parsers(note: Do) -> Iterable[Parser]:
    for kind in MARKS:
        lexer = DirectiveInHTMLCommentLexer(kind)

        def parse(document: Document, kind: str = kind, lexer: DirectiveInHTMLCommentLexer = lexer) -> Iterable[Region]:
            for region in lexer(document):
                mark = Mark(kind, str(region.lexemes["arguments"]).strip())
                yield Region(region.start, region.end, mark, note)

        yield parse
