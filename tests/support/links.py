"""What is wrong with the links of the pages, and with the files that they name."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support.markdown_page import Found, read_page

PRODUCT = ("api", "infra", "notifier", "safelight", "shared", "web", "worker")
#: Folders whose paths are recognized in text. None of them contains built or ignored files.
ROOMS = (*PRODUCT, "benchmarks", "docs", "requirements", "simulation", "tests", ".ci")
_NAMED = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, ROOMS))})/[\w./*-]*\w(?:::\w+)?")
_PATH = re.compile(rf"{_NAMED.pattern}/?\Z")
_TEST = re.compile(r"((?:[\w-]+/)*test_\w+)(\.py)?(?:::(\w+))?\Z")


def pages(root: Path) -> list[Path]:
    """Return the pages of a project."""
    named = (root / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))
    return [*(path for path in named if path.exists()), *sorted((root / "docs").glob("*.md"))]


def broken(root: Path, page: Path) -> list[str]:
    """Return a sentence for each link, and each name of a file or test, that leads nowhere."""
    content = read_page(page)
    shell = (Found(fence.text, fence.line) for fence in content.fences if fence.language in {"sh", "console"})
    complaints = [
        *((found, complaint) for found in content.links if (complaint := _wrong_link(page, found.text))),
        *((found, complaint) for found in content.code if (complaint := _wrong_name(root, found.text))),
        *((found, complaint) for found in shell for complaint in _wrong_paths(root, found.text)),
    ]
    return [f"{page.name}:{found.line}: {complaint}" for found, complaint in complaints]


def _wrong_link(page: Path, target: str) -> str | None:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        # No test of ours asks anybody else's server; what can be said without is said.
        well_formed = parts.scheme in {"http", "https"} and "." in parts.netloc and not re.search(r"\s", target)
        return None if well_formed or parts.scheme == "mailto" else f"{target} is no address"
    path = page.parent / unquote(parts.path) if parts.path else page
    if not path.exists():
        return f"{target} leads nowhere"
    if parts.fragment and path.suffix == ".md" and unquote(parts.fragment) not in read_page(path).anchors:
        return f"{target}: {path.name} has no such heading"
    return None


def _wrong_name(root: Path, text: str) -> str | None:
    if _PATH.match(text):
        return next(iter(_wrong_paths(root, text)), None)
    if test := _TEST.match(text):
        stem, suffix, function = test.groups()
        files = [path for path in _tests(root) if f"/{path.with_suffix('').as_posix()}".endswith(f"/{stem}")]
        if not files and not suffix and _defines(root, stem):
            return None
        if not files:
            return f"there is no test {text}"
        if function and not any(_has(path, function) for path in files):
            return f"there is no {function} in {stem}"
    return None


def _wrong_paths(root: Path, text: str) -> Iterator[str]:
    for name in _NAMED.findall(text):
        path, _, function = name.partition("::")
        found = list(root.glob(path))
        if not found:
            yield f"there is no {path}"
        elif function and not any(_has(each, function) for each in found):
            yield f"there is no {function} in {path}"


@cache
def _tests(root: Path) -> tuple[Path, ...]:
    return tuple((root / "tests").rglob("test_*.py"))


def _defines(root: Path, name: str) -> bool:
    return any(_has(path, name) for path in _tests(root))


def _has(path: Path, name: str) -> bool:
    return bool(re.search(rf"^\s*(?:def|class) {name}\b", path.read_text("utf-8"), re.MULTILINE))
