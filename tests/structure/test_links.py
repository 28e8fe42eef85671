"""Every link of the documents leads somewhere, and every file or test that they name exists."""

from pathlib import Path

import pytest
from support import links
from support.markdown_page import parse_page, slug

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", links.pages(ROOT), ids=lambda path: path.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files, headings, images, scripts behind figures, tests behind promises: all are there."""
    assert not links.broken(ROOT, page)


def test_every_document_is_reached_from_the_readme() -> None:
    """No page in docs is one that nobody finds."""
    linked = {link.text.partition("#")[0] for link in parse_page((ROOT / "README.md").read_text("utf-8")).links}
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= linked


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("The bound T", "the-bound-t"),
        ("`safelight cancel ID...`, `safelight retry ID...`", "safelight-cancel-id-safelight-retry-id"),
        ("What S3, and the worker, refuse", "what-s3-and-the-worker-refuse"),
        ("2026-11-22 Lanes — two queues", "2026-11-22-lanes--two-queues"),
    ],
)
def test_anchors_are_made_as_github_makes_them(heading: str, anchor: str) -> None:
    """A heading's anchor is that of the page as readers see it."""
    assert parse_page(f"# {heading}\n").anchors == {anchor}
    assert slug(anchor) == anchor


def test_a_heading_that_comes_again_has_a_number() -> None:
    """The second of two equal headings has an anchor of its own."""
    assert parse_page("# A\n\n## A\n").anchors == {"a", "a-1"}
