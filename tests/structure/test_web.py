"""What the page must keep, whoever edits it."""

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
    """Names, errors and whatever else comes from outside get onto the page as text alone."""
    assert not MARKUP.findall(module.read_text("utf-8"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_modules_are_small_and_say_what_they_are(module: Path) -> None:
    """Each module begins with a sentence about itself and fits on a few screens."""
    text = module.read_text("utf-8")
    assert text.startswith("/** ")
    assert len(text.splitlines()) <= MOST_LINES


def test_the_page_holds_no_code_and_no_style() -> None:
    """The policy allows neither inline scripts nor styles, so the page has none, and the policy is the strict one."""
    page = (WEB / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert "unsafe" not in page
    assert "default-src 'none'" in page


def test_nothing_is_fetched_from_elsewhere() -> None:
    """No file of the page names another host."""
    texts = {path: path.read_text("utf-8") for path in WEB.rglob("*") if path.suffix in {".html", ".css", ".js"}}
    assert {path.name: found for path, text in texts.items() if (found := ELSEWHERE.findall(text))} == {}


def test_the_page_is_light() -> None:
    """All of it together is under 150 KB."""
    assert sum(path.stat().st_size for path in WEB.rglob("*") if path.is_file()) < MOST_BYTES


def test_every_module_is_there_and_used() -> None:
    """Each import leads to a file, and each file is reached from the one that the page loads."""
    reached: set[Path] = set()
    ahead = [WEB / "app" / "main.js"]
    while ahead:
        module = ahead.pop()
        if module not in reached:
            reached.add(module)
            ahead += [(module.parent / each).resolve() for each in IMPORT.findall(module.read_text("utf-8"))]
    assert sorted(reached) == MODULES


def test_every_style_sheet_is_loaded() -> None:
    """The page names each style sheet that there is."""
    named = re.findall(r'href="(app/styles/[^"]+)"', (WEB / "index.html").read_text("utf-8"))
    assert sorted(named) == sorted(path.relative_to(WEB).as_posix() for path in WEB.rglob("*.css"))


def test_advice_is_about_codes_that_there_are() -> None:
    """What the page advises for an error belongs to a code of the API, or to one of its own."""
    text = (WEB / "app" / "net" / "problem.js").read_text("utf-8")
    advised = set(re.findall(r'^  ([A-Z_]+): "', text, re.MULTILINE))
    assert advised
    assert advised - PAGES_OWN <= {each.code for each in error_classes()}
