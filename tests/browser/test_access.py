"""Whether everybody can use the page, on every screen."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect
from support.browser_page import Desk, Visit, picture

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
SCREENS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "light": {"color_scheme": "light"},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}, "has_touch": True},
}


def _faults(visit: Visit) -> list[str]:
    """Let axe look at what is shown; return what it finds, with the place of each."""
    visit.page.evaluate(AXE)
    found = visit.page.evaluate("() => axe.run()")
    return [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_and_nothing_sticks_out(desk: Desk, screen: str) -> None:
    """Every place of the page passes axe, in dark, in light and on a phone, and fits the screen's width."""
    visit = desk.visit(**SCREENS[screen])
    visit.open()
    faults = {"empty": _faults(visit)}
    visit.drop({"axe.png": picture("clock-small.png"), "bad.png": picture("not-a-picture.png")})
    visit.page.get_by_text("Take the recipe along").click()
    visit.page.get_by_text("More").first.click()
    faults["staged"] = _faults(visit)
    visit.develop()
    visit.expect_state("axe.png", "Developed")
    visit.expect_state("bad.png", "Failed")
    faults["developed"] = _faults(visit)
    places = {
        "picture": f"#/jobs/{visit.job_id('axe.png')}",
        "history": "#/history",
        "batches": "#/batches",
        "dead letters": "#/dead-letters",
    }
    wide = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "develop"
    for name, place in places.items():
        visit.page.evaluate(f"() => {{ location.hash = '{place}'; }}")
        expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
        if name == "picture":
            expect(visit.page.get_by_role("slider")).to_be_attached()
        faults[name] = _faults(visit)
        assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    assert {name: each for name, each in faults.items() if each} == {}
