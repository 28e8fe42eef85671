"""What README and documents show is what happens: each block of each page is run on a stack, in order."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import links
from support.doc_blocks import desk
from support.doc_blocks.reader import Reader
from support.doc_blocks.shell import Shell
from support.markdown_page import read_page
from support.running_stack import Site, running_site

ROOT = Path(__file__).parents[2]
PAGES = [page for page in links.pages(ROOT) if read_page(page).fences]


@pytest.fixture(scope="module")
def stack(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a stack with the name that ``safelight up`` gives, so that a page finds it running."""
    if absent := desk.missing():
        assert not os.environ.get("CI"), f"missing: {absent}"
        pytest.skip(f"missing: {absent}")
    yield from running_site(tmp_path_factory.mktemp("documents"), engine, {"NamePrefix": "safelight"})


@pytest.mark.not_on("localstack", reason="the pages show a local stack of the embedded engine")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_does_what_the_page_says(
    page: Path, stack: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands succeed, answers look as shown; a block that is neither run nor marked with a reason fails the page."""
    desk.lay_out(tmp_path)
    environment = desk.environment(stack.stack.api_url, str(stack.stack.endpoint_url), stack.folder)
    shell = Shell(tmp_path, environment)
    monkeypatch.chdir(tmp_path)
    reader = Reader(shell, stack.http.get("openapi.json").json())
    reader.read(page)
    assert {fence.line for fence in read_page(page).fences} <= set(reader.tried)
