"""Accessibility of the web page: each state on each screen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from support.browser_page import Visit, VisitFactory, read_image
from support.other_origin import serve_page
from support.running_stack import Site

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
WIDE = {"width": 1280, "height": 900}
COGNITO = {"CognitoDomain": "https://login.test", "CognitoClientId": "our-page"}


@dataclass(frozen=True)
class Screen:
    """How a person sees the page."""

    media: Mapping[str, Any]
    viewport: Mapping[str, int]
    direction: str = "ltr"
    #: The rules of axe that can have another result on this screen than on the first one. Empty for all.
    rules: tuple[str, ...] = ()


SCREENS = {
    "light": Screen({"color_scheme": "light"}, WIDE),
    "dark": Screen({"color_scheme": "dark"}, WIDE, rules=("color-contrast",)),
    "forced colors": Screen({"forced_colors": "active"}, WIDE, rules=("color-contrast",)),
    "phone": Screen({"color_scheme": "light"}, {"width": 360, "height": 740}),
    "right to left": Screen({"color_scheme": "light"}, WIDE, direction="rtl"),
    "right to left on a phone": Screen(
        {"color_scheme": "dark"}, {"width": 360, "height": 740}, direction="rtl", rules=("color-contrast",)
    ),
}
#: How often a page with faults is inspected again, and after which pause. It draws some parts later.
MAX_REPETITIONS, PAUSE_MILLISECONDS = 30, 500
#: Lists the elements that are wider than the window, without those in a part that scrolls.
LIST_WIDE = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= innerWidth) return [];
  const scrolls = (each) => each.closest('.strip, .list, .scroller, pre, .places');
  const isOut = ({left, right, width}) => width > 0 && (left < -1 || right > innerWidth + 1);
  const wide = [...document.body.querySelectorAll('*')].filter((each) => isOut(each.getBoundingClientRect()));
  return [`scrollWidth ${root.scrollWidth}`, ...wide.filter((each) => !scrolls(each)).map((each) => each.className)];
}"""


@dataclass(frozen=True)
class Inspection:
    """Looks at states of the page on some screens."""

    screens: Mapping[str, Screen]

    def list_faults(self, visit: Visit, state: str) -> dict[str, list[str]]:
        """Look at a state on every screen. Return the violations that axe finds, and what does not fit."""
        page, faults = visit.page, {}
        page.evaluate(AXE)
        for name, screen in self.screens.items():
            page.emulate_media(**{"color_scheme": "light", "forced_colors": "none", **screen.media})
            page.set_viewport_size(dict(screen.viewport))  # type: ignore[arg-type]
            page.evaluate("(direction) => { document.documentElement.dir = direction; }", screen.direction)
            found = _inspect(page, screen)
            for _ in range(MAX_REPETITIONS):
                if not found:
                    break
                page.wait_for_timeout(PAUSE_MILLISECONDS)  # until the page has adapted to the screen
                found = _inspect(page, screen)
            faults[f"{state}, {name}"] = found
        page.emulate_media(color_scheme="light", forced_colors="none")
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.evaluate("document.documentElement.dir = 'ltr'")
        return {place: each for place, each in faults.items() if each}

    def list_all(self, visit: Visit, states: Mapping[str, Callable[[], None]]) -> dict[str, list[str]]:
        """Bring the page into each state, one after the other, and return its faults."""
        faults: dict[str, list[str]] = {}
        for state, act in states.items():
            act()
            faults |= self.list_faults(visit, state)
        return faults


def _inspect(page: Page, screen: Screen) -> list[str]:
    """Return the faults of the page as it is now."""
    options = {"runOnly": list(screen.rules)} if screen.rules else {}
    found = page.evaluate("(options) => axe.run(options)", options)
    texts = [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]
    wide: list[str] = page.evaluate(LIST_WIDE)
    return texts + wide


@pytest.fixture
def inspection(request: pytest.FixtureRequest) -> Inspection:
    """Return an inspection that runs all rules of axe once per state, or with ``--thorough`` once per layout.

    Without it, the other layouts are checked for what does not fit, and for parts that scroll.
    """
    if request.config.getoption("--thorough"):
        return Inspection(SCREENS)
    quick = {
        name: replace(each, rules=each.rules or ("scrollable-region-focusable",)) for name, each in SCREENS.items()
    }
    return Inspection({**quick, "light": SCREENS["light"]})


def test_states_of_the_process_page(visit: Visit, site: Site, inspection: Inspection) -> None:
    """From the empty page to results in a list."""
    visit.expected_failures = {"422"}  # no plan for the invalid file and the invalid width
    page = visit.page
    width = page.locator("[data-operation=resize]").get_by_label("Width", exact=True)

    def add_images() -> None:
        visit.drop({"axe.png": read_image("clock-small.png"), "bad.png": read_image("not-an-image.png")})
        visit.expect_status("bad.png", "Ready")

    def open_recipe() -> None:
        page.get_by_text("Use this recipe elsewhere").click()
        page.get_by_text("More").first.click()
        page.get_by_label("Operation to add").select_option("watermark")
        page.get_by_role("button", name="Add", exact=True).click()

    def open_tools() -> None:
        visit.select("axe.png").locator("[data-tool=crop]").click()
        expect(page.locator(".crop-box")).to_be_visible()
        page.locator("[data-operation=watermark]").get_by_role("button", name="Image", exact=True).click()
        expect(page.get_by_text("No stored images yet.")).to_be_visible()

    def enter_invalid_width() -> None:
        page.get_by_role("button", name="Done").last.click()
        width.fill("20000")
        expect(width).to_have_attribute("aria-invalid", "true")

    def start() -> None:
        width.fill("300")
        expect(page.locator("#go")).to_be_enabled()
        visit.process()
        visit.expect_status("axe.png", "Queued")
        visit.expect_status("bad.png", "Queued")

    def select_failed() -> None:
        visit.expect_status("axe.png", "Processed")
        visit.expect_status("bad.png", "Failed")
        visit.select("bad.png")

    def select_processed() -> None:
        expect(visit.select("axe.png").locator(".pane-after img")).to_be_visible()

    def show_list() -> None:
        page.get_by_role("button", name="List").click()
        page.get_by_label("Select axe.png").check()

    def delete() -> None:
        page.get_by_role("group", name="Selected images").get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Undo", exact=True).hover()  # the note stays meanwhile

    visit.control_clock()
    visit.open()
    faults = inspection.list_faults(visit, "empty") | inspection.list_all(
        visit, {"staged": add_images, "recipe": open_recipe}
    )
    faults |= inspection.list_all(visit, {"tools": open_tools, "invalid": enter_invalid_width})
    with site.pause_worker():
        faults |= inspection.list_all(visit, {"queued": start})
    faults |= inspection.list_all(visit, {"failed": select_failed, "processed": select_processed})
    faults |= inspection.list_all(
        visit, {"side by side": page.get_by_role("button", name="Side by side").click, "list": show_list}
    )
    with visit.stop_timers(page.get_by_role("group", name="Selected images")):
        delete()
    assert faults | inspection.list_faults(visit, "note") == {}


def test_states_of_the_other_pages(visit: Visit, site: Site, inspection: Inspection) -> None:
    """History, image, batches, dead letters, and addresses without a page."""
    visit.expected_failures = {"404"}
    good = site.wait_until_done(site.submit(read_image("clock-small.png"), filename="axe.png")["id"])["id"]
    bad = site.wait_until_done(site.submit(read_image("not-an-image.png"), filename="bad.png")["id"])["id"]
    member = {"filename": "open.png", "content_type": "image/png", "size": 9}
    batch = site.http.post("batches", json={"name": "axe", "items": [member]}).raise_for_status().json()["batch"]["id"]
    page = visit.page

    def go(address: str, heading: str, text: str = "") -> Callable[[], None]:
        def act() -> None:
            visit.go_to(address, heading)
            expect(page.get_by_text(text or heading).first).to_be_visible()

        return act

    def verify() -> None:
        page.get_by_role("button", name="Verify").click()
        expect(page.get_by_text("Everything matches the receipt.")).to_be_visible()

    def ask() -> None:
        page.get_by_role("button", name="Cancel remaining").click()
        expect(page.get_by_role("dialog")).to_be_visible()

    visit.open()
    faults = inspection.list_all(
        visit,
        {
            "history": go("#/history", "History", "axe.png"),
            "history without a match": go("#/history?name=nothing", "History", "No image matches."),
            "image": go(f"#/jobs/{good}", "axe.png", "Save receipt"),
            "image, verified": verify,
            "image, failed": go(f"#/jobs/{bad}", "bad.png", "Status history"),
            "image, not found": go("#/jobs/01HZY3Q1M8Z3J5W7XK9V2B4C6D", "Image", "Go to history"),
            "batches": go("#/batches", "Batches", "1 image"),
            "batch": go(f"#/batches/{batch}", "axe", "1 open"),
            "question": ask,
        },
    )
    page.get_by_role("button", name="Keep").click()
    faults |= inspection.list_all(
        visit,
        {
            "dead letters": go("#/dead-letters", "Dead letters", "No dead letters."),
            "unknown": go("#/no-such-page", "This page does not exist"),
        },
    )
    assert faults == {}


def test_states_before_the_page_starts(
    visit_factory: VisitFactory, site: Site, other_port: int, inspection: Inspection
) -> None:
    """The server does not respond, the user has to sign in, or cannot."""
    faults: dict[str, list[str]] = {}
    visit = visit_factory.create_visit()
    visit.expected_failures = {"net"}
    visit.page.route("**/config.json", lambda route: route.abort())
    visit.page.goto(visit.url)
    expect(visit.page.get_by_role("alert")).to_be_visible()
    faults |= inspection.list_faults(visit, "down")
    for auth, title in {"api-key": "Enter your API key", "cognito": "Sign in", "iam": "accepts only signed"}.items():
        with serve_page(site, other_port, auth, COGNITO) as url:
            visit = visit_factory.create_visit(url)
            visit.page.goto(url)
            expect(visit.page.get_by_role("heading", level=1)).to_contain_text(title)
            faults |= inspection.list_faults(visit, auth)
    assert faults == {}


def test_dialog_of_an_expired_session(
    visit_factory: VisitFactory, site: Site, other_port: int, inspection: Inspection
) -> None:
    """The page behind it stays as it is."""
    with serve_page(site, other_port, "cognito", COGNITO) as url:
        visit = visit_factory.create_visit(url)
        visit.page.add_init_script('sessionStorage.setItem(\'safelight-tokens\', \'{"id": "old", "until": 0}\')')
        visit.page.goto(url)
        expect(visit.page.get_by_role("dialog", name="Your session has expired")).to_be_visible()
        assert inspection.list_faults(visit, "expired session") == {}
