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


def test_every_document_is_in_the_index() -> None:
    """The README links to docs/README.md, which links to every page."""
    index = ROOT / "docs" / "README.md"
    assert "docs/README.md" in {link.text for link in parse_page((ROOT / "README.md").read_text("utf-8")).links}
    linked = {link.text.partition("#")[0] for link in parse_page(index.read_text("utf-8")).links}
    assert {page.name for page in index.parent.glob("*.md")} - {"README.md"} <= linked


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
