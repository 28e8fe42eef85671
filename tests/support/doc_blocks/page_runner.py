"""Run every code block of a page, in order."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter
from support.doc_blocks import answers
from support.doc_blocks.marks import Mark, parse_examples
from support.doc_blocks.shell import Shell
from support.doc_blocks.transcript import TranscriptRunner
from sybil import Example
from sybil.evaluators.python import PythonEvaluator
from sybil.region import Lexeme

from shared.pipeline.operations import AnyOperation
from shared.pipeline.output import Output
from shared.pipeline.pipeline import Pipeline

#: URL of a local API as pages show it, replaced by the real one.
_LOCAL_API = re.compile(r"http://127\.0\.0\.1:4566/[^\s\"']*?/v1\b")
#: Models of request bodies, by a member that identifies them.
_MODELS: Mapping[str, TypeAdapter[Any]] = {
    "op": TypeAdapter(AnyOperation),
    "operations": TypeAdapter(Pipeline),
    "outputs": TypeAdapter(Pipeline),
    "format": TypeAdapter(Output),
}
_POLICY = "Effect"


@dataclass
class PageRunner:
    """Runs one page in its own shell; all its Python blocks share one namespace."""

    shell: Shell
    openapi: Mapping[str, Any]
    printed: str = ""
    mark: Mark | None = None
    #: Lines of the blocks that were run, parsed or marked.
    lines: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.transcripts = TranscriptRunner(self.shell)
        self.run_python = PythonEvaluator()

    def run(self, page: Path) -> None:
        """Run every block of a page. An error has a note with page and line."""
        evaluators: Mapping[str, Callable[[Example], None]] = {
            language: self._make_evaluator(getattr(self, f"_{language}")) for language in LANGUAGES
        }
        for example in parse_examples(page, evaluators, self._note):
            try:
                example.evaluate()
            except Exception as error:
                error.add_note(f"{page.name}:{example.line}")
                raise

    def _note(self, example: Example) -> None:
        self.mark = example.parsed

    def _make_evaluator(self, run: Callable[[Example, str], None]) -> Callable[[Example], None]:
        def evaluate(example: Example) -> None:
            self.lines.append(example.line)
            if self.mark is None or self.mark.kind != "not run":
                run(example, _LOCAL_API.sub(self.shell.environment["API"], str(example.parsed)))
            self.mark = None

        return evaluate

    def _js(self, _example: Example, text: str) -> None:
        """Check the syntax of a module for a web page."""
        node = shutil.which("node")
        if node is None:
            return
        command = (node, "--check", "--input-type=module", "-")
        run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr

    def _sh(self, _example: Example, text: str) -> None:
        self.printed = self.shell.run(text)

    def _console(self, _example: Example, text: str) -> None:
        self.transcripts.run(text)

    def _python(self, example: Example, text: str) -> None:
        example.parsed = Lexeme(text, example.parsed.offset, example.parsed.line_offset)
        self.run_python(example)

    def _json(self, _example: Example, text: str) -> None:
        shown = json.loads(text)
        written = shown if isinstance(shown, list) else [shown]
        models = [model for name, model in _MODELS.items() if all(name in each for each in written)]
        if self.mark is not None:
            schema = answers.get_response_schema(self.openapi, *self.mark.text.split())
            assert not answers.find_schema_violations(shown, schema, self.openapi)
        elif models:
            for each in written:
                models[0].validate_python(each)
        elif _POLICY not in shown:
            assert not answers.find_differences(shown, answers.parse_last_document(self.printed))

    def _yaml(self, _example: Example, text: str) -> None:
        yaml.safe_load(text)

    def _csv(self, _example: Example, text: str) -> None:
        rows = list(csv.reader(io.StringIO(text), strict=True))
        assert {len(row) for row in rows} == {len(rows[0])}

    def _text(self, _example: Example, _text: str) -> None:
        """Accept any text."""

    _mermaid = _text  # tests/structure/test_diagrams.py parses them


#: Languages of blocks. A block in another language, or without one, fails the page.
LANGUAGES = ("sh", "console", "python", "json", "yaml", "csv", "text", "mermaid", "js")
