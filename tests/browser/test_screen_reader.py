"""What screen readers get in the main states of the web page: roles, names and texts, compared with files in `trees`.

After an intended change of the page, this writes the files:
``pytest tests/browser/test_screen_reader.py --thorough --write-docs``
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.browser_page import TIMEOUT_MILLISECONDS, Visit, in_both_browsers, read_image
from support.running_stack import Site

TREES = Path(__file__).parent / "trees"
FIRST = "start"
#: How often a tree that is written must have been the same, one after the other.
STABLE = 20
PAUSE_MILLISECONDS = 100
#: What differs between runs and processors: IDs, sizes, percentages, times.
VOLATILE = (
    (re.compile(r"[0-9A-HJKMNP-TV-Z]{26}"), "ID"),
    (re.compile(r"[−-]?[\d.,]+ (%|B|KB|MB|s|ms|min)(?!\w)"), r"N \1"),
    (re.compile(r"(?m)^(\s*- time: ).*"), r"\1TIME"),
    (re.compile(r"(?m)^(\s*- /url: )http.*"), r"\1URL"),
    (re.compile(r"Safelight \d+\.\d+\.\d+"), "Safelight VERSION"),
)
#: Parts that are the same in all states, with what is in them. Only the first file has them.
REPEATED = re.compile(r'(?m)^( *)- (?:banner|complementary "Recipe"):\n(?:\1  .*\n)*')

#: The filter by batch, which is there only if another test has created one.
BATCHES = re.compile(r'(?m)^( *)- text: Batch\n\1- combobox "Batch":\n(?:\1  .*\n)*')


@dataclass(frozen=True)
class Reader:
    """Reads the tree of a visit, and compares or writes it."""

    visit: Visit
    is_writing: bool

    def check(self, state: str) -> None:
        """Wait until the tree of the page is that of the file."""
        path = TREES / f"{state}.yaml"
        if self.is_writing:
            path.write_text(self._wait_until_stable(state), "utf-8")
            return
        expected = path.read_text("utf-8")
        end = time.monotonic() + TIMEOUT_MILLISECONDS / 1000
        while (tree := self.read(state)) != expected and time.monotonic() < end:
            self.visit.page.wait_for_timeout(PAUSE_MILLISECONDS)
        assert tree == expected, f"after an intended change, write {path.name} again (--write-docs)"

    def read(self, state: str) -> str:
        """Return the tree without what differs between runs."""
        tree = f"{self.visit.page.locator('body').aria_snapshot()}\n"
        for pattern, replacement in VOLATILE:
            tree = pattern.sub(replacement, tree)
        tree = BATCHES.sub("", tree)
        return tree if state == FIRST else REPEATED.sub("", tree)

    def _wait_until_stable(self, state: str) -> str:
        trees = [self.read(state)]
        while len(trees) < STABLE:
            self.visit.page.wait_for_timeout(PAUSE_MILLISECONDS)
            tree = self.read(state)
            trees = [*trees, tree] if tree == trees[-1] else [tree]
        return trees[-1]


@pytest.mark.thorough
@in_both_browsers
def test_screen_readers_get_the_states_of_the_page(visit: Visit, site: Site, request: pytest.FixtureRequest) -> None:
    """Start, files that are not sent, processing, a result, the history, an error, and an unknown image."""
    visit.expected_failures = {"422", "404"}  # no plan for the broken file, and no job with the ID
    reader = Reader(visit, request.config.getoption("--write-docs"))
    page = visit.page
    visit.open()
    reader.check(FIRST)
    visit.drop({"clock.png": read_image("clock-small.png"), "bad.png": read_image("not-an-image.png")})
    visit.expect_status("bad.png", "Ready")
    reader.check("staged")
    with site.pause_worker():
        visit.process()
        visit.expect_status("clock.png", "Queued")
        visit.expect_status("bad.png", "Queued")
        reader.check("processing")
    visit.expect_status("clock.png", "Processed")
    visit.expect_status("bad.png", "Failed")
    visit.select("clock.png")
    reader.check("light-table")
    visit.select("bad.png")
    reader.check("error")
    page.get_by_role("button", name="List", exact=True).click()
    expect(page.get_by_role("table")).to_be_visible()
    reader.check("list")
    visit.go_to("#/history?name=clock", "History")
    visit.expect_status("clock.png", "Processed")
    reader.check("history")
    visit.open("#/jobs/01HZY3Q1M8Z3J5W7XK9V2B4C6D")
    page.reload()  # without what was announced before
    expect(page.get_by_text("Go to history")).to_be_visible()
    reader.check("unknown-image")
