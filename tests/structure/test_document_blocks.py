"""The code blocks of the docs, as far as they can be checked without running them."""

from pathlib import Path

import pytest
from support import links
from support.doc_blocks.commands import find_invalid_commands
from support.doc_blocks.marks import Mark, parse_examples
from support.doc_blocks.page_runner import LANGUAGES
from support.markdown_page import Page, read_page
from sybil import Example

ROOT = Path(__file__).parents[2]
PAGES = [page for page in links.list_pages(ROOT) if read_page(page).fences]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_has_a_known_language(page: Path) -> None:
    """A block without a known language would be skipped silently."""
    assert not [fence.line for fence in read_page(page).fences if fence.language not in LANGUAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists_and_has_its_options(page: Path) -> None:
    """In all blocks, also those that are not run: safelight, make and the AWS CLI."""
    assert not [each for fence in read_page(page).fences for each in find_invalid_commands(fence)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_mark_has_a_reason_and_a_block(page: Path) -> None:
    """A mark that skips a block gives a reason and is right above the block."""
    lines = page.read_text("utf-8").splitlines()
    fences = {fence.line for fence in read_page(page).fences}

    def pass_over(_example: Example) -> None:
        """Nothing is run here."""

    for example in parse_examples(page, dict.fromkeys(LANGUAGES, pass_over), pass_over):
        if isinstance(example.parsed, Mark):
            assert len(example.parsed.text.split()) > 2, lines[example.line - 1]
            assert example.line + 1 in fences, lines[example.line - 1]


def test_pages_have_blocks_of_every_kind() -> None:
    """An empty search would prove nothing."""
    contents: list[Page] = [read_page(page) for page in PAGES]
    assert {"sh", "console", "python", "json"} <= {fence.language for page in contents for fence in page.fences}
