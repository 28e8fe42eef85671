"""Rules that the web page must keep."""

import re
from pathlib import Path

import pytest

from shared.errors import error_classes

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
MODULES = sorted((WEB / "app").rglob("*.js"))
MOST_BYTES = 150_000
MOST_LINES = 170
#: Whatever makes markup or code of a text.
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML"
    r"|\beval\(|new Function|srcdoc|javascript:"
)
IMPORT = re.compile(r'(?:from|import) "(\.[^"]+)"')
ELSEWHERE = re.compile(r"https?://(?!www\.w3\.org/2000/svg)[\w.-]+")
#: Codes of the page itself, for what no answer of the API tells.
PAGES_OWN = {"OFFLINE", "UPLOAD_REFUSED"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_text_never_becomes_markup(module: Path) -> None:
    """Names, errors and other outside text are inserted as text only."""
    assert not MARKUP.findall(module.read_text("utf-8"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_modules_are_small_and_say_what_they_are(module: Path) -> None:
    """Each module starts with a sentence on itself and is short."""
    text = module.read_text("utf-8")
    assert text.startswith("/** ")
    assert len(text.splitlines()) <= MOST_LINES


def test_the_page_has_no_inline_code_or_style() -> None:
    """And the strict policy."""
    page = (WEB / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert "unsafe" not in page
    assert "default-src 'none'" in page


def test_no_file_names_another_host() -> None:
    """No file names another host."""
    texts = {path: path.read_text("utf-8") for path in WEB.rglob("*") if path.suffix in {".html", ".css", ".js"}}
    assert {path.name: found for path, text in texts.items() if (found := ELSEWHERE.findall(text))} == {}


def test_the_page_is_small() -> None:
    """Under 150 KB in total."""
    assert sum(path.stat().st_size for path in WEB.rglob("*") if path.is_file()) < MOST_BYTES


def test_every_module_is_imported() -> None:
    """And every import has a file."""
    reached: set[Path] = set()
    ahead = [WEB / "app" / "main.js"]
    while ahead:
        module = ahead.pop()
        if module not in reached:
            reached.add(module)
            ahead += [(module.parent / each).resolve() for each in IMPORT.findall(module.read_text("utf-8"))]
    assert sorted(reached) == MODULES


def test_every_style_sheet_is_loaded() -> None:
    """Every style sheet is loaded."""
    named = re.findall(r'href="(app/styles/[^"]+)"', (WEB / "index.html").read_text("utf-8"))
    assert sorted(named) == sorted(path.relative_to(WEB).as_posix() for path in WEB.rglob("*.css"))


def test_advice_is_for_existing_codes() -> None:
    """Codes of the API, or the page's own."""
    text = (WEB / "app" / "net" / "problem.js").read_text("utf-8")
    advised = set(re.findall(r'^  ([A-Z_]+): "', text, re.MULTILINE))
    assert advised
    assert advised - PAGES_OWN <= {each.code for each in error_classes()}
