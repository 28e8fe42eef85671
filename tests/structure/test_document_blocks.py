"""The blocks of the documents, as far as they can be told right or wrong without running them."""

from pathlib import Path

import pytest
from support import links
from support.doc_blocks.commands import wrong_commands
from support.doc_blocks.marks import Mark, examples
from support.doc_blocks.reader import LANGUAGES
from support.markdown_page import Page, read_page
from sybil import Example

ROOT = Path(__file__).parents[2]
PAGES = [page for page in links.pages(ROOT) if read_page(page).fences]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is_in_a_word_that_can_be_run(page: Path) -> None:
    """A block without a language, or in one that nothing runs, would be passed over in silence."""
    assert not [fence.line for fence in read_page(page).fences if fence.language not in LANGUAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists_and_has_its_options(page: Path) -> None:
    """Also in blocks that can't run here: of safelight, of make and of the AWS command line."""
    assert not [each for fence in read_page(page).fences for each in wrong_commands(fence)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_mark_has_a_reason_and_a_block(page: Path) -> None:
    """Who leaves a block out says why, and a mark stands right above its block."""
    lines = page.read_text("utf-8").splitlines()
    fences = {fence.line for fence in read_page(page).fences}

    def pass_over(_example: Example) -> None:
        """Nothing is run here."""

    for example in examples(page, dict.fromkeys(LANGUAGES, pass_over), pass_over):
        if isinstance(example.parsed, Mark):
            assert len(example.parsed.text.split()) > 2, lines[example.line - 1]
            assert example.line + 1 in fences, lines[example.line - 1]


def test_what_a_page_shows_is_seen() -> None:
    """The pages have blocks of every kind that can be run: an empty search would prove nothing."""
    contents: list[Page] = [read_page(page) for page in PAGES]
    assert {"sh", "console", "python", "json"} <= {fence.language for page in contents for fence in page.fences}
