"""Every link of the docs has a target, and every file or test that they name exists."""

from pathlib import Path

import pytest
from support import links
from support.markdown_page import make_anchor, parse_page

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", links.list_pages(ROOT), ids=lambda path: path.name)
def test_every_link_has_a_target(page: Path) -> None:
    """Files, headings, images, scripts and tests exist."""
    assert not links.find_broken(ROOT, page)


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
def test_anchors_match_github(heading: str, anchor: str) -> None:
    """A heading's anchor is the one that readers see."""
    assert parse_page(f"# {heading}\n").anchors == {anchor}
    assert make_anchor(anchor) == anchor


def test_a_repeated_heading_has_a_numbered_anchor() -> None:
    """The second of two equal headings has its own anchor."""
    assert parse_page("# A\n\n## A\n").anchors == {"a", "a-1"}
