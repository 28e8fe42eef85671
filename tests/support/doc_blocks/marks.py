"""Find the code blocks of a page and the marks above them, with Sybil.

A mark is an HTML comment, so readers evaluators not see it:

* ``not run: REASON``: the next block does not run; its commands are still checked;
* ``answers: METHOD PATH STATUS``: the next block shows this response of the OpenAPI document;
* ``invisible-code-block: LANGUAGE``, the block, and the end of the comment: the block runs but is not shown.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import CodeBlockParser
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer

MARKS = ("not run", "answers")
Evaluator = Callable[[Example], None]
Parser = Callable[[Document], Iterable[Region]]


@dataclass(frozen=True)
class Mark:
    """Kind and text of the comment above a block."""

    kind: str
    text: str


def parse_examples(path: Path, evaluators: Mapping[str, Evaluator], handle_mark: Evaluator) -> list[Example]:
    """Return the blocks and marks of a page in order.

    ``do`` has the evaluator of each language, and ``note`` handles marks.
    """
    parsers: list[Parser] = [
        *(CodeBlockParser(language, evaluator) for language, evaluator in evaluators.items()),
        *_mark_parsers(handle_mark),
    ]
    return list(Sybil(parsers=parsers, pattern="*.md").parse(path).examples())


def _mark_parsers(handle_mark: Evaluator) -> Iterable[Parser]:
    for kind in MARKS:
        lexer = DirectiveInHTMLCommentLexer(kind)

        def parse(document: Document, kind: str = kind, lexer: DirectiveInHTMLCommentLexer = lexer) -> Iterable[Region]:
            for region in lexer(document):
                mark = Mark(kind, str(region.lexemes["arguments"]).strip())
                yield Region(region.start, region.end, mark, handle_mark)

        yield parse
