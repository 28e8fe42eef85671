"""The prose of the project: text that people read, each piece with its place, and the rules that it must follow.

Rules are rows of ``tests/structure/prose.yaml``: a pattern, and what to write instead. Code, identifiers in backticks,
URLs and quoted commands are not prose.
"""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from support.source_files import list_files

ROOT = Path(__file__).parents[2]
RULES = ROOT / "tests" / "structure" / "prose.yaml"
PRODUCT = ("api", "worker", "notifier", "shared", "infra", "safelight")
#: Folders of Python files whose docstrings and comments are read.
PYTHON = (*PRODUCT, "benchmarks", "simulation", "requirements", "tests")
#: Strings of fewer words are names, patterns or keys.
LEAST_WORDS = 3
_CODE = re.compile(r"``.*?``|`[^`\n]*`|https?://\S+|<[^>\n]*>|\{[^}\n]*\}|:\w+:")
_LINK_TARGET = re.compile(r"\]\([^)\n]*\)")
_JS_TEXT = re.compile(
    r"/\*.*?\*/|(?<![:\w])//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL
)
#: White space, a line break in a comment or emphasis.
_BETWEEN_WORDS = r"[\s#:*]+"
_HTML_TEXT = re.compile(r">([^<>]+)<|(?:aria-label|placeholder|title|content)=\"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of prose: its file, relative to the root, its first line, and the text without code."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern that prose must not match, what to write instead, and the files that may have it."""

    pattern: re.Pattern[str]
    instead: str
    allowed: tuple[str, ...] = ()

    def broken_by(self, text: Text) -> Iterator[str]:
        """Yield a sentence for each match."""
        if text.file.startswith(self.allowed):
            return
        for found in self.pattern.finditer(text.text):
            line = text.line + text.text.count("\n", 0, found.start())
            yield f'{text.file}:{line}: "{" ".join(found.group().split())}": write {self.instead}'


def read_rules(path: Path = RULES) -> list[Rule]:
    """Read the rules. A pattern matches whole words, in any case, across line breaks."""
    rows: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    return [
        Rule(
            re.compile(rf"\b(?:{row['never'].replace(' ', _BETWEEN_WORDS)})\b", re.IGNORECASE),
            row["instead"],
            tuple(row.get("except", ())),
        )
        for row in rows
    ]


def read_prose(root: Path = ROOT) -> Iterator[Text]:
    """Yield all prose of the project."""
    folders = (path for path in sorted(root.glob("[!.]*/")) if path.is_dir() and path.name not in {"build", "dist"})
    for path in (*sorted(root.glob("*.md")), *(each for folder in folders for each in list_files(folder, "*.md"))):
        yield from markdown(path.read_text("utf-8"), path.relative_to(root).as_posix())
    for folder in PYTHON:
        for path in list_files(root / folder, "*.py"):
            yield from python(path.read_text("utf-8"), path.relative_to(root).as_posix(), strings=folder in PRODUCT)
    for path in sorted((root / "web").rglob("*.js")):
        if path.parent.name == "vendor":
            continue
        yield from javascript(path.read_text("utf-8"), path.relative_to(root).as_posix())
    yield from html((root / "web" / "index.html").read_text("utf-8"), "web/index.html")
    yield from descriptions((root / "infra" / "template.yaml").read_text("utf-8"), "infra/template.yaml")
    yield from openapi(json.loads((root / "docs" / "openapi.json").read_text("utf-8")), "docs/openapi.json")
    yield from comments_of_make((root / "Makefile").read_text("utf-8"), "Makefile")


def markdown(source: str, file: str) -> Iterator[Text]:
    """Yield the paragraphs, headings and cells of a page, without code blocks."""
    lines = source.split("\n")
    fence = ""
    for number, line in enumerate(lines):
        if fence:
            lines[number] = ""
            fence = "" if line.strip().startswith(fence) else fence
        elif found := re.match(r"\s*(```+|~~~+)", line):
            fence, lines[number] = found.group(1), ""
    yield Text(file, 1, without_code("\n".join(lines)))


def python(source: str, file: str, *, strings: bool) -> Iterator[Text]:
    """Yield docstrings and comments, and with ``strings`` the sentences among the other strings."""
    tree = ast.parse(source)
    docstrings = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if node in docstrings or (strings and len(node.value.split()) >= LEAST_WORDS):
            yield Text(file, node.lineno, without_code(node.value))
    comments = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    block: list[tuple[int, str]] = []
    for line, comment in comments:
        if block and line != block[-1][0] + 1:
            yield Text(file, block[0][0], without_code("\n".join(text for _, text in block)))
            block = []
        block.append((line, comment))
    if block:
        yield Text(file, block[0][0], without_code("\n".join(text for _, text in block)))


def javascript(source: str, file: str) -> Iterator[Text]:
    """Yield comments, and strings that are sentences."""
    for found in _JS_TEXT.finditer(source):
        text = found.group()
        if text.startswith("/") or len(text.split()) >= LEAST_WORDS:
            yield Text(file, 1 + source.count("\n", 0, found.start()), without_code(text.strip("`")))


def html(source: str, file: str) -> Iterator[Text]:
    """Yield the texts of a page and of the attributes that people see or hear."""
    for found in _HTML_TEXT.finditer(source):
        yield Text(file, 1 + source.count("\n", 0, found.start()), found.group(1) or found.group(2))


def descriptions(source: str, file: str) -> Iterator[Text]:
    """Yield comments and descriptions of a template."""
    for number, line in enumerate(source.split("\n"), 1):
        yield Text(file, number, without_code(line))


def openapi(document: object, file: str) -> Iterator[Text]:
    """Yield summaries, descriptions and titles of an OpenAPI document."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in {"description", "summary", "title"} and isinstance(value, str):
                yield Text(file, 1, without_code(value))
            elif key not in {"example", "examples"}:
                yield from openapi(value, file)
    elif isinstance(document, list):
        for value in document:
            yield from openapi(value, file)


def comments_of_make(source: str, file: str) -> Iterator[Text]:
    """Yield the comments of a Makefile: those of its targets are its help."""
    for number, line in enumerate(source.split("\n"), 1):
        if "#" in line:
            yield Text(file, number, without_code(line.partition("#")[2]))


def without_code(text: str) -> str:
    """Return the text with code, placeholders, URLs and link targets blanked; line breaks stay."""
    return _CODE.sub(lambda found: " " + "\n" * found.group().count("\n"), _LINK_TARGET.sub("]", text))
