"""Find broken links in the pages, and names of files and tests that do not exist."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support.markdown_page import TextAt, read_page
from support.source_files import list_files

PRODUCT = ("api", "infra", "notifier", "safelight", "shared", "web", "worker")
#: Folders whose paths are recognized in text. None of them contains built or ignored files.
FOLDERS = (*PRODUCT, "benchmarks", "docs", "requirements", "simulation", "tests", ".ci")
_NAMED = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*-]*\w(?:::\w+)?")
_PATH = re.compile(rf"{_NAMED.pattern}/?\Z")
_TEST = re.compile(r"((?:[\w-]+/)*test_\w+)(\.py)?(?:::(\w+))?\Z")


def list_pages(root: Path) -> list[Path]:
    """Return the pages of a project."""
    named = (root / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))
    return [*(path for path in named if path.exists()), *sorted((root / "docs").glob("*.md"))]


def find_broken(root: Path, page: Path) -> list[str]:
    """Return a sentence for each broken link and each missing file or test that a page names."""
    content = read_page(page)
    shell = (TextAt(fence.text, fence.line) for fence in content.fences if fence.language in {"sh", "console"})
    errors = [
        *((found, error) for found in content.links if (error := _check_link(page, found.text))),
        *((found, error) for found in content.code if (error := _check_name(root, found.text))),
        *((found, error) for found in shell for error in _check_paths(root, found.text)),
    ]
    return [f"{page.name}:{found.line}: {error}" for found, error in errors]


def _check_link(page: Path, target: str) -> str | None:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        # Tests send no requests to other servers, so only the syntax is checked.
        well_formed = parts.scheme in {"http", "https"} and "." in parts.netloc and not re.search(r"\s", target)
        return None if well_formed or parts.scheme == "mailto" else f"{target} is not a valid URL"
    path = page.parent / unquote(parts.path) if parts.path else page
    if not path.exists():
        return f"{target} does not exist"
    if parts.fragment and path.suffix == ".md" and unquote(parts.fragment) not in read_page(path).anchors:
        return f"{target}: {path.name} has no such heading"
    return None


def _check_name(root: Path, text: str) -> str | None:
    if _PATH.match(text):
        return next(iter(_check_paths(root, text)), None)
    if test := _TEST.match(text):
        stem, suffix, function = test.groups()
        files = [path for path in _list_tests(root) if f"/{path.with_suffix('').as_posix()}".endswith(f"/{stem}")]
        if not files and not suffix and _defines(root, stem):
            return None
        if not files:
            return f"there is no test {text}"
        if function and not any(_defines_in(path, function) for path in files):
            return f"there is no {function} in {stem}"
    return None


def _check_paths(root: Path, text: str) -> Iterator[str]:
    for name in _NAMED.findall(text):
        path, _, function = name.partition("::")
        found = list(root.glob(path))
        if not found:
            yield f"there is no {path}"
        elif function and not any(_defines_in(each, function) for each in found):
            yield f"there is no {function} in {path}"


@cache
def _list_tests(root: Path) -> tuple[Path, ...]:
    return tuple(list_files(root / "tests", "test_*.py"))


def _defines(root: Path, name: str) -> bool:
    return any(_defines_in(path, name) for path in _list_tests(root))


def _defines_in(path: Path, name: str) -> bool:
    return bool(re.search(rf"^\s*(?:def|class) {name}\b", path.read_text("utf-8"), re.MULTILINE))
