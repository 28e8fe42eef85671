"""docs/deploy.md has the costs that benchmarks/deploy_cost.py computes from the template."""

import re
from pathlib import Path

import deploy_cost
import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "deploy.md"


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


def test_other_pages_state_the_same_costs() -> None:
    """README.md and docs/recipes.md have the sums, rounded."""
    idle = sum(line.dollars for line in deploy_cost.IDLE)
    image = sum(line.dollars for line in deploy_cost.BUSY)
    metrics = deploy_cost.JOB_METRICS * deploy_cost.DOLLARS["metric"]
    readme, recipes = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/recipes.md"))
    assert f"US$ {idle:.0f} per month, plus US$ {1000 * image:.2f} per 1,000 images" in readme
    assert f"cost about US$ {round(1e6 * image, -1):.0f}" in recipes
    assert f"US$ {idle:.0f} per month without jobs, and US$ {metrics:.2f} for\nmetrics" in recipes
