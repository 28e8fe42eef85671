"""docs/deploy.md has the costs that benchmarks/deploy_cost.py computes from the template."""

import re
from pathlib import Path

import deploy_cost
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"


@pytest.mark.parametrize(
    ("lines", "times", "head"),
    [
        (deploy_cost.IDLE, 1, "Per month, idle"),
        (deploy_cost.BUSY, deploy_cost.IMAGES, "1,000 images of 1 MB"),
    ],
    ids=["idle", "busy"],
)
def test_the_cost_tables_match_the_script(
    request: pytest.FixtureRequest, lines: tuple[deploy_cost.Line, ...], times: float, head: str
) -> None:
    """Each line of both tables is on the page as the script prints it."""
    table = deploy_cost.format_table(lines, times, head)
    if request.config.getoption("--write-docs"):
        old = re.compile(rf"^\| {re.escape(head)} .*?\*\* \| \|$", re.MULTILINE | re.DOTALL)
        PAGE.write_text(old.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")
    assert table in PAGE.read_text("utf-8"), "run pytest tests/structure/test_deploy_page.py --write-docs"
