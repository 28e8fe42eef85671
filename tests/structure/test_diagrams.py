"""The diagrams of the docs are valid Mermaid."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support import links
from support.markdown_page import read_page

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "diagrams"


def parsed(texts: list[str]) -> list[str | None]:
    """Return for each diagram what Mermaid complains of, None where it draws it; skip without Mermaid."""
    if shutil.which("node") is None or not (FOLDER / "node_modules" / "mermaid").exists():
        assert not os.environ.get("CI"), "mermaid is missing: Node.js, and `make` to install it"
        pytest.skip("mermaid is not installed: it needs Node.js")
    asked = json.dumps(texts)
    run = subprocess.run(
        ("node", FOLDER / "parse.mjs"),  # noqa: S607 - whichever Node.js there is
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    complaints: list[str | None] = json.loads(run.stdout)
    return complaints


@pytest.mark.thorough
def test_every_diagram_can_be_drawn() -> None:
    """Mermaid parses every diagram of every page."""
    found = [
        (page.name, fence.line, fence.text)
        for page in links.list_pages(ROOT)
        for fence in read_page(page).fences
        if fence.language == "mermaid"
    ]
    assert len(found) > 5
    complaints = parsed([text for _, _, text in found])
    wrong = [(page, line, each) for (page, line, _), each in zip(found, complaints, strict=True) if each]
    assert not wrong


@pytest.mark.thorough
def test_a_broken_diagram_is_found() -> None:
    """The parser rejects an invalid diagram."""
    assert parsed(["flowchart LR\n  a -- > b]"])[0]


def test_the_architecture_page_has_its_diagrams() -> None:
    """One each for components, sequences and entities."""
    texts = [fence.text for fence in read_page(ROOT / "docs" / "architecture.md").fences]
    for kind in ("flowchart", "sequenceDiagram", "erDiagram"):
        assert any(text.startswith(kind) for text in texts), kind
