"""The site that Sphinx builds from the docs: complete, without warnings, self-contained."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import links

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["'](?:https?:)?//|<link\b[^>]*\bhref=["'](?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as ``make docs`` does, where a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    config = ("-b", "html", "-c", ROOT / "docs" / "site", "-d", folder / "cache", ROOT, folder / "site")
    command = (sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", *config)
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return folder / "site"


@pytest.mark.thorough
def test_every_page_is_on_the_site(site: Path) -> None:
    """Every page is on the site."""
    for page in links.list_pages(ROOT):
        assert (site / page.relative_to(ROOT)).with_suffix(".html").exists()


@pytest.mark.thorough
def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    """Scripts, styles, fonts and images are part of the site."""
    for page in site.rglob("*.html"):
        assert not FETCHED.search(page.read_text("utf-8")), page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", style.read_text("utf-8")), style.name
