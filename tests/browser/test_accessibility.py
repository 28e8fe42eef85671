"""Accessibility of the web page."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import expect
from support.browser_page import Visit, VisitFactory, read_image

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
SCREENS: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "light": {"color_scheme": "light"},
    "forced colors": {"forced_colors": "active"},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}, "has_touch": True},
}


def _list_violations(visit: Visit) -> list[str]:
    """Run axe on the page. Return its violations with the target elements."""
    visit.page.evaluate(AXE)
    found = visit.page.evaluate("() => axe.run()")
    return [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("screen", SCREENS)
def test_pages_pass_axe_and_fit_the_screen(visit_factory: VisitFactory, screen: str) -> None:
    """Every page passes axe in both themes and on a phone, without horizontal scrolling."""
    visit = visit_factory.create_visit(**SCREENS[screen])
    visit.expected_failures = {"422"}  # no plan for the invalid file
    visit.open()
    violations = {"empty": _list_violations(visit)}
    visit.drop({"axe.png": read_image("clock-small.png"), "bad.png": read_image("not-an-image.png")})
    visit.page.get_by_text("Use this recipe elsewhere").click()
    visit.page.get_by_text("More").first.click()
    visit.page.get_by_label("Operation to add").select_option("watermark")
    visit.page.get_by_role("button", name="Add", exact=True).click()
    violations["staged"] = _list_violations(visit)
    visit.select("axe.png").locator("[data-tool=crop]").click()
    expect(visit.page.locator(".crop-box")).to_be_visible()
    visit.page.locator("[data-operation=watermark]").get_by_role("button", name="Image", exact=True).click()
    expect(visit.page.get_by_text("No stored images yet.")).to_be_visible()
    violations["tools"] = _list_violations(visit)
    visit.page.get_by_role("button", name="Done").last.click()
    visit.process()
    visit.expect_status("axe.png", "Processed")
    visit.expect_status("bad.png", "Failed")
    visit.select("bad.png")
    violations["failed"] = _list_violations(visit)
    visit.select("axe.png")
    violations["processed"] = _list_violations(visit)
    visit.page.get_by_role("button", name="List").click()
    visit.page.get_by_label("Select axe.png").check()
    violations["list"] = _list_violations(visit)
    pages = {
        "image": f"#/jobs/{visit.get_job_id('axe.png')}",
        "history": "#/history",
        "batches": "#/batches",
        "dead letters": "#/dead-letters",
        "unknown": "#/no-such-page",
    }
    overflow = visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0, "start"
    for name, address in pages.items():
        visit.page.evaluate(f"() => {{ location.hash = '{address}'; }}")
        expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
        if name == "image":
            expect(visit.page.locator(".splitter")).to_be_attached()
        violations[name] = _list_violations(visit)
        assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    assert {name: each for name, each in violations.items() if each} == {}
