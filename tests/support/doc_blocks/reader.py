"""A reader who takes a page at its word: every block, from the first to the last."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter
from support.doc_blocks import answers
from support.doc_blocks.marks import Mark, examples
from support.doc_blocks.shell import Shell
from support.doc_blocks.transcript import Player
from sybil import Example
from sybil.evaluators.python import PythonEvaluator
from sybil.region import Lexeme

from shared.pipeline.operations import AnyOperation
from shared.pipeline.output import Output
from shared.pipeline.pipeline import Pipeline

#: An address of a local API as pages show it; the real one takes its place.
_LOCAL_API = re.compile(r"http://127\.0\.0\.1:4566/[^\s\"']*?/v1\b")
#: What a caller writes, told by a member that it has.
_MODELS: Mapping[str, TypeAdapter[Any]] = {
    "op": TypeAdapter(AnyOperation),
    "operations": TypeAdapter(Pipeline),
    "outputs": TypeAdapter(Pipeline),
    "format": TypeAdapter(Output),
}
_POLICY = "Effect"


@dataclass
class Reader:
    """Reads one page in a shell of its own; all its Python blocks share their names."""

    shell: Shell
    openapi: Mapping[str, Any]
    printed: str = ""
    mark: Mark | None = None
    #: The line of each block that was run, parsed or marked.
    tried: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.player = Player(self.shell)
        self.run_python = PythonEvaluator()

    def read(self, page: Path) -> None:
        """Try every block of a page. The first that fails fails the test, by page and line."""
        do: Mapping[str, Callable[[Example], None]] = {
            language: self._trying(getattr(self, f"_{language}")) for language in LANGUAGES
        }
        for example in examples(page, do, self._note):
            try:
                example.evaluate()
            except Exception as error:
                error.add_note(f"{page.name}:{example.line}")
                raise

    def _note(self, example: Example) -> None:
        self.mark = example.parsed

    def _trying(self, run: Callable[[Example, str], None]) -> Callable[[Example], None]:
        def evaluate(example: Example) -> None:
            self.tried.append(example.line)
            if self.mark is None or self.mark.kind != "not run":
                run(example, _LOCAL_API.sub(self.shell.environment["API"], str(example.parsed)))
            self.mark = None

        return evaluate

    def _sh(self, _example: Example, text: str) -> None:
        self.printed = self.shell.run(text)

    def _console(self, _example: Example, text: str) -> None:
        self.player.play(text)

    def _python(self, example: Example, text: str) -> None:
        example.parsed = Lexeme(text, example.parsed.offset, example.parsed.line_offset)
        self.run_python(example)

    def _json(self, _example: Example, text: str) -> None:
        shown = json.loads(text)
        written = shown if isinstance(shown, list) else [shown]
        models = [model for name, model in _MODELS.items() if all(name in each for each in written)]
        if self.mark is not None:
            schema = answers.schema_of(self.openapi, *self.mark.text.split())
            assert not answers.against_schema(shown, schema, self.openapi)
        elif models:
            for each in written:
                models[0].validate_python(each)
        elif _POLICY not in shown:
            assert not answers.unlike(shown, answers.last_document(self.printed))

    def _yaml(self, _example: Example, text: str) -> None:
        yaml.safe_load(text)

    def _csv(self, _example: Example, text: str) -> None:
        rows = list(csv.reader(io.StringIO(text), strict=True))
        assert {len(row) for row in rows} == {len(rows[0])}

    def _text(self, _example: Example, _text: str) -> None:
        """Formulas and drawings are for people alone."""

    _mermaid = _text  # tests/structure/test_diagrams.py parses them


#: What a block may be. Another word after a fence, or none, fails the page.
LANGUAGES = ("sh", "console", "python", "json", "yaml", "csv", "text", "mermaid")
