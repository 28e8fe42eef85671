"""README and docs on an engine: every code block of each page runs, in order."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import links, sample_images
from support.doc_blocks import workspace
from support.doc_blocks.page_runner import PageRunner
from support.doc_blocks.shell import Shell
from support.markdown_page import read_page
from support.running_stack import Site, run_site

ROOT = Path(__file__).parents[2]
#: The pages whose blocks `make test` runs. The others differ from them in details.
QUICK = {"README.md", "api.md", "bulk.md", "client.md"}
PAGES = [
    pytest.param(page, id=page.name, marks=[] if page.name in QUICK else [pytest.mark.thorough])
    for page in links.list_pages(ROOT)
    if read_page(page).fences
]


@pytest.fixture(scope="module")
def stack(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a stack with the name that ``safelight up`` uses, so that pages find it running.

    Its engine has the environment of ``safelight up`` too, which would otherwise replace it.
    """
    if missing := workspace.find_missing_programs():
        assert not os.environ.get("CI"), f"missing: {missing}"
        pytest.skip(f"missing: {missing}")
    for site in run_site(tmp_path_factory.mktemp("documents"), engine, {"NamePrefix": "safelight"}, environment={}):
        site.wait_until_done(site.submit(sample_images.make_jpeg())["id"])
        yield site


@pytest.mark.not_on("localstack", reason="the pages show a local stack of the embedded engine")
@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_works(page: Path, stack: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands succeed and output looks as shown; a block that does not run needs a mark with a reason."""
    workspace.create_files(tmp_path)
    environment = workspace.make_environment(stack.stack.api_url, str(stack.stack.endpoint_url), stack.folder)
    shell = Shell(tmp_path, environment)
    monkeypatch.chdir(tmp_path)
    runner = PageRunner(shell, stack.http.get("openapi.json").json())
    runner.run(page)
    assert {fence.line for fence in read_page(page).fences} <= set(runner.lines)
