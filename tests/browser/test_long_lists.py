"""Long lists on the web page: only the visible rows are in the document, and the keyboard reaches all."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from support.browser_page import Visit, read_image
from support.running_stack import Site

COUNT = 300
#: More rows than fit into any window of the tests, and many fewer than there are.
MAX_DRAWN = 80
#: Jobs per page of the listing that the tests invent.
PAGE = 1000
#: The color of texts in the light theme.
DARK_INK = "rgb(36, 26, 21)"


def test_list_draws_only_the_visible_rows(visit: Visit) -> None:
    """Screen readers get the number of rows. The last one is found by scrolling and with the keyboard."""
    image = read_image("clock-small.png")
    visit.open()
    visit.drop({f"{number:03}.png": image for number in range(COUNT)})
    table, region = visit.page.get_by_role("table"), visit.page.get_by_role("region", name="All images")
    expect(table).to_have_attribute("aria-rowcount", str(COUNT + 1))
    expect(visit.find_card("000.png")).to_be_visible()
    assert _count_rows(table) < MAX_DRAWN
    _scroll_to_end(visit, region)
    expect(visit.find_card("000.png")).to_have_count(0)
    assert _count_rows(table) < MAX_DRAWN

    visit.find_card("299.png").get_by_role("button").focus()
    visit.page.keyboard.press("Home")
    _expect_focus(visit.page, "000.png")
    expect(visit.find_card("000.png")).to_have_attribute("aria-rowindex", "2")
    visit.page.keyboard.press("End")
    _expect_focus(visit.page, "299.png")
    visit.page.keyboard.press("ArrowUp")
    _expect_focus(visit.page, "298.png")


def test_the_row_with_the_focus_stays_while_the_list_scrolls(visit: Visit) -> None:
    """A range that starts there can be selected with Shift. When printing, the list is complete."""
    image = read_image("clock-small.png")
    visit.open()
    visit.drop({f"{number:03}.png": image for number in range(COUNT)})
    region = visit.page.get_by_role("region", name="All images")
    visit.page.get_by_label("Select 010.png").check()
    _scroll_to_end(visit, region)
    expect(visit.page.get_by_label("Select 010.png")).to_be_focused()
    visit.page.get_by_label("Select 299.png").click(modifiers=["Shift"])
    expect(visit.page.get_by_text("290 selected")).to_be_visible()
    visit.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(visit.page.locator("tr[data-index]")).to_have_count(COUNT)
    visit.page.emulate_media(media="print", color_scheme="dark")
    last = visit.find_card("299.png").evaluate("(each) => each.getBoundingClientRect().bottom + scrollY")
    assert last <= visit.page.evaluate("document.documentElement.scrollHeight"), "the list is cut off on paper"
    assert visit.page.evaluate("getComputedStyle(document.body).color") == DARK_INK
    visit.page.emulate_media(media="screen")
    visit.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(visit.find_card("100.png")).to_have_count(0)


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_film_strip_draws_only_the_visible_images(visit: Visit, direction: str) -> None:
    """Screen readers get the number of images. The keyboard and the buttons of the image reach all of them."""
    image = read_image("clock-small.png")
    visit.open()
    visit.page.evaluate(f"document.dir = '{direction}'")
    visit.drop({f"{number:03}.png": image for number in range(COUNT)})
    visit.page.get_by_role("button", name="One image").click()
    frames, first = visit.page.locator(".frame"), visit.find_card("000.png")
    expect(first).to_have_attribute("aria-setsize", str(COUNT))
    expect(first).to_have_attribute("aria-posinset", "1")
    assert frames.count() < MAX_DRAWN

    first.get_by_role("button").focus()
    visit.page.keyboard.press("End")
    _expect_focus(visit.page, "299.png")
    expect(visit.page.get_by_role("heading", name="299.png")).to_be_visible()
    expect(visit.find_card("299.png")).to_be_in_viewport()
    expect(visit.find_card("296.png")).to_be_in_viewport()
    expect(first).to_have_count(0)
    assert frames.count() < MAX_DRAWN
    visit.page.keyboard.press("ArrowRight" if direction == "rtl" else "ArrowLeft")
    _expect_focus(visit.page, "298.png")
    expect(visit.find_card("298.png")).to_have_attribute("aria-posinset", "299")

    visit.page.locator(".strip").evaluate(f"(each) => each.scrollTo({'1e6' if direction == 'rtl' else '0'}, 0)")
    expect(first).to_be_in_viewport()
    expect(visit.find_card("298.png")).to_have_count(1)  # it can be reached with Tab, because it is selected
    assert frames.count() < MAX_DRAWN


def test_history_of_thousands_draws_only_the_visible_tiles(visit: Visit, site: Site) -> None:
    """Further pages are loaded when their end is near. Screen readers get the position of each image."""
    job = site.wait_until_done(site.submit(read_image("clock-small.png"), filename="x.png")["id"])
    requested: list[str] = []

    def send_page(route: Route) -> None:
        requested.append(route.request.url)
        start = PAGE * (len(requested) - 1)
        jobs = [_invent_job(job, number) for number in range(start, start + PAGE)]
        route.fulfill(json={"jobs": jobs, "next_cursor": "more" if len(requested) < 3 else None})

    visit.page.route("**/v1/jobs?*", send_page)
    visit.open("#/history")
    tiles = visit.page.locator(".tile")
    expect(visit.find_card("0.png")).to_have_attribute("aria-setsize", "-1")
    assert len(requested) == 1
    for last in (f"{PAGE - 1}.png", f"{2 * PAGE - 1}.png", f"{3 * PAGE - 1}.png"):
        while not visit.find_card(last).count():
            visit.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            visit.page.wait_for_timeout(20)
        assert tiles.count() < MAX_DRAWN
    expect(visit.find_card("2999.png")).to_have_attribute("aria-setsize", "3000")
    expect(visit.find_card("2999.png")).to_have_attribute("aria-posinset", "3000")
    assert len(requested) == 3


def _invent_job(job: dict[str, Any], number: int) -> dict[str, Any]:
    """Return another job without a result."""
    return {**job, "id": f"{number:026}", "filename": f"{number}.png", "status": "CANCELLED", "result": None}


def _scroll_to_end(visit: Visit, region: Locator) -> None:
    """Scroll until the last row is visible. The list gets its height when the first rows are drawn."""
    while not visit.find_card("299.png").count():
        region.evaluate("(each) => each.scrollTo(0, each.scrollHeight)")
        visit.page.wait_for_timeout(20)
    visit.wait_until_drawn()
    region.evaluate("(each) => each.scrollTo(0, each.scrollHeight)")  # the rows above it may have got another height
    expect(visit.find_card("299.png")).to_be_in_viewport()


def _count_rows(table: Locator) -> int:
    return table.locator("tr[data-index]").count()


def _expect_focus(page: Page, name: str) -> None:
    expect(page.locator(f"[data-name='{name}'] button")).to_be_focused()
