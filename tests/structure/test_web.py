"""Rules for the web page's files."""

import gzip
import json
import re
from pathlib import Path

import pytest
import start_pictures

from shared.errors import error_classes

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
VENDOR = WEB / "app" / "vendor"
MODULES = sorted(path for path in (WEB / "app").rglob("*.js") if path.parent != VENDOR)
#: Bytes that the start page loads, each file compressed with gzip.
MAX_BYTES = 100_000
MAX_LINES = 250
#: Bytes of the small copies of the sample image on the start page.
MAX_PICTURE_BYTES = 20_000
#: APIs that interpret a string as markup or code.
MARKUP = re.compile(
    r"innerHTML|InnerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML"
    r"|\beval\(|new Function|srcdoc|javascript:"
)
STATIC_IMPORT = re.compile(r'^(?:import|\}) (?:.* )?from "(\.[^"]+)"', re.MULTILINE)
ANY_IMPORT = re.compile(r'(?:\bfrom |[^{]\bimport\()"(\.[^"]+\.js)"')
OTHER_HOST = re.compile(r"https?://(?!www\.w3\.org/2000/svg)[\w.-]+")
#: Codes that the page itself creates, for failures without an API response.
PAGE_CODES = {"OFFLINE", "UNREACHABLE", "UPLOAD_REFUSED"}


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
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in page


def test_no_file_names_another_host() -> None:
    """No file names another host."""
    paths = [path for path in WEB.rglob("*") if path.suffix in {".html", ".css", ".js"} and path.parent != VENDOR]
    texts = {path: path.read_text("utf-8") for path in paths}
    assert {path.name: found for path, text in texts.items() if (found := OTHER_HOST.findall(text))} == {}


def test_start_page_is_small() -> None:
    """The start page, its modules and its style sheets.

    What is loaded when it is needed does not count: other pages, tools on the stage, the zip writer, the sample image.
    """
    loaded = [*list_imports(WEB / "app" / "main.js", STATIC_IMPORT), *list_named_style_sheets(), WEB / "index.html"]
    assert sum(len(gzip.compress(path.read_bytes())) for path in loaded) < MAX_BYTES


def test_pictures_of_the_start_page_are_small() -> None:
    """They have their own budget, because they are loaded after the page, and only when they are in view."""
    assert sum(path.stat().st_size for path in (WEB / "app" / "start").iterdir()) < MAX_PICTURE_BYTES
    assert 'loading="lazy"' in (WEB / "app" / "pages" / "start.js").read_text("utf-8")


def test_figures_of_the_start_page_are_current() -> None:
    """The figures of the sample image with each preset are those of the current code. Encoders may differ slightly."""
    text = (WEB / "app" / "pages" / "start-figures.js").read_text("utf-8")
    pairs = re.findall(r"^  (\w+): \{ (.*) \},$", text, re.MULTILINE)
    written = {name: json.loads("{" + re.sub(r"(\w+):", r'"\1":', values) + "}") for name, values in pairs}
    current = start_pictures.describe((WEB / "app" / "sample.jpg").read_bytes())
    assert written == {name: {**each, "size": pytest.approx(each["size"], rel=0.05)} for name, each in current.items()}


def test_every_module_is_imported() -> None:
    """Every module is reachable from main.js, and every import exists."""
    imports = list_imports(WEB / "app" / "main.js", ANY_IMPORT)
    assert sorted(imports) == sorted([*MODULES, *VENDOR.glob("*.js")])


def test_modules_of_the_start_page_are_preloaded() -> None:
    """The browser loads them at once, instead of one level of imports after the other."""
    named = re.findall(r'<link rel="modulepreload" href="(app/[^"]+)">', (WEB / "index.html").read_text("utf-8"))
    modules = list_imports(WEB / "app" / "main.js", STATIC_IMPORT)
    assert named == sorted(path.relative_to(WEB).as_posix() for path in modules if path.name != "main.js")


def list_imports(start: Path, pattern: re.Pattern[str]) -> set[Path]:
    """Return the module and all modules that it imports, directly or indirectly. Vendored modules import none."""
    imported: set[Path] = set()
    pending = [start]
    while pending:
        module = pending.pop()
        if module not in imported:
            imported.add(module)
            text = "" if module.parent == VENDOR else module.read_text("utf-8")
            pending += [(module.parent / each).resolve() for each in pattern.findall(text)]
    return imported


def test_every_style_sheet_is_loaded() -> None:
    """The start page names it, or a module loads it when it is needed."""
    texts = [module.read_text("utf-8") for module in MODULES]
    later = {WEB / "app" / "styles" / name for text in texts for name in re.findall(r'loadStyle\("([^"]+)"\)', text)}
    assert {*list_named_style_sheets(), *later} == set(WEB.rglob("*.css"))
    assert later.isdisjoint(list_named_style_sheets())


def list_named_style_sheets() -> list[Path]:
    """Return the style sheets that the start page names."""
    return [WEB / each for each in re.findall(r'href="(app/styles/[^"]+)"', (WEB / "index.html").read_text("utf-8"))]


def test_advice_uses_existing_error_codes() -> None:
    """Every error code with advice exists in the API or is created by the page."""
    text = (WEB / "app" / "net" / "problem.js").read_text("utf-8")
    advised = set(re.findall(r'^  ([A-Z_]+): "', text, re.MULTILINE))
    assert advised
    assert advised - PAGE_CODES <= {each.code for each in error_classes()}
