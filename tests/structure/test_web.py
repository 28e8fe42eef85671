"""Rules for the web page's files."""

import re
from pathlib import Path

import pytest

from shared.errors import error_classes

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
MODULES = sorted((WEB / "app").rglob("*.js"))
MAX_BYTES = 150_000
MAX_LINES = 170
#: APIs that interpret a string as markup or code.
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML"
    r"|\beval\(|new Function|srcdoc|javascript:"
)
IMPORT = re.compile(r'(?:from|import) "(\.[^"]+)"')
OTHER_HOST = re.compile(r"https?://(?!www\.w3\.org/2000/svg)[\w.-]+")
#: Codes that the page itself creates, for failures without an API response.
PAGE_CODES = {"OFFLINE", "UPLOAD_REFUSED"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_outside_text_is_inserted_as_text(module: Path) -> None:
    """No module uses an API that interprets strings as markup or code."""
    assert not MARKUP.findall(module.read_text("utf-8"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_modules_are_short_and_have_a_doc_comment(module: Path) -> None:
    """Every module starts with a doc comment and has a limited length."""
    text = module.read_text("utf-8")
    assert text.startswith("/** ")
    assert len(text.splitlines()) <= MAX_LINES


def test_page_has_no_inline_code_or_style() -> None:
    """The start page has no inline code or style, and a strict policy."""
    page = (WEB / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert "unsafe" not in page
    assert "default-src 'none'" in page


def test_no_file_names_another_host() -> None:
    """No file names another host."""
    texts = {path: path.read_text("utf-8") for path in WEB.rglob("*") if path.suffix in {".html", ".css", ".js"}}
    assert {path.name: found for path, text in texts.items() if (found := OTHER_HOST.findall(text))} == {}


def test_page_is_small() -> None:
    """All files together have less than 150 KB."""
    assert sum(path.stat().st_size for path in WEB.rglob("*") if path.is_file()) < MAX_BYTES


def test_every_module_is_imported() -> None:
    """Every module is reachable from main.js, and every import exists."""
    imported: set[Path] = set()
    pending = [WEB / "app" / "main.js"]
    while pending:
        module = pending.pop()
        if module not in imported:
            imported.add(module)
            pending += [(module.parent / each).resolve() for each in IMPORT.findall(module.read_text("utf-8"))]
    assert sorted(imported) == MODULES


def test_every_style_sheet_is_loaded() -> None:
    """Every style sheet is loaded."""
    named = re.findall(r'href="(app/styles/[^"]+)"', (WEB / "index.html").read_text("utf-8"))
    assert sorted(named) == sorted(path.relative_to(WEB).as_posix() for path in WEB.rglob("*.css"))


def test_advice_uses_existing_error_codes() -> None:
    """Every error code with advice exists in the API or is created by the page."""
    text = (WEB / "app" / "net" / "problem.js").read_text("utf-8")
    advised = set(re.findall(r'^  ([A-Z_]+): "', text, re.MULTILINE))
    assert advised
    assert advised - PAGE_CODES <= {each.code for each in error_classes()}
