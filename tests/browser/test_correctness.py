"""What the web page does with the focus, addresses, deleted jobs, names, types of files, and a server that is down."""

import pytest
from playwright.sync_api import Page, Route, expect
from support.browser_page import Visit, read_image
from support.running_stack import Site, wait_until

HEBREW = "שלום.png"
#: Lists the texts with a name that is neither in an element nor between characters that isolate its direction.
LIST_EXPOSED = """(name) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.data;
    const isIsolated = walker.currentNode.parentElement.closest('bdi, code') || text.includes(`\\u2068${name}\\u2069`);
    if (text.includes(name) && !isIsolated) found.push(text);
  }
  return found;
}"""


#: Records the type of each file that is sent: in the body, or in a form.
RECORD_TYPES = """window.sentTypes = [];
const {send, setRequestHeader} = XMLHttpRequest.prototype;
XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
  if (name.toLowerCase() === 'content-type') window.sentTypes.push(value);
  return setRequestHeader.call(this, name, value);
};
XMLHttpRequest.prototype.send = function (body) {
  if (body instanceof FormData) window.sentTypes.push(body.get('file').type);
  return send.call(this, body);
};"""


def submit(site: Site, name: str) -> str:
    """Process an image. Return the ID of its job."""
    return str(site.wait_until_done(site.submit(read_image("clock-small.png"), filename=name)["id"])["id"])


def test_focus_stays_near_what_was_removed(visit: Visit, site: Site) -> None:
    """After a deletion, the next image has the focus, and after the last one the heading."""
    for name in ("c.png", "b.png", "a.png"):
        submit(site, name)
    visit.control_clock()
    visit.open("#/history")
    delete = visit.page.get_by_role("button", name="Delete a.png")
    with visit.stop_timers(delete):
        delete.press("Enter")
        _wait_for_focus(visit.page, "b.png")
        visit.page.get_by_role("button", name="Delete c.png").press("Enter")
        _wait_for_focus(visit.page, "b.png")
        visit.page.get_by_role("button", name="Delete b.png").press("Enter")
        _wait_for_focus(visit.page, "History")


def test_focus_stays_at_the_buttons_of_an_image(visit: Visit, site: Site) -> None:
    """When canceling and retrying replace the button that was pressed."""
    visit.open()
    with site.pause_worker():
        visit.drop({"focus.png": read_image("clock-small.png")})
        visit.process()
        visit.expect_status("focus.png", "Queued")
        visit.page.get_by_role("button", name="Cancel focus.png").press("Enter")
        visit.expect_status("focus.png", "Canceled")
        _wait_for_focus(visit.page, "focus.png")
        visit.page.get_by_role("button", name="Retry focus.png").press("Enter")
        visit.expect_status("focus.png", "Queued")
        _wait_for_focus(visit.page, "focus.png")
    visit.expect_status("focus.png", "Processed")


def test_skip_link_moves_the_focus_to_the_content(visit: Visit) -> None:
    """It is the first control of the page."""
    visit.open()
    visit.page.keyboard.press("Tab")
    expect(visit.page.get_by_role("link", name="Skip to content")).to_be_focused()
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#view")).to_be_focused()


@pytest.mark.parametrize(
    "address", ["#/no-such-page", "#/history/x", "#/jobs", "#/dead-letters/x", "#/jobs/a/b", "#/%"]
)
def test_unknown_addresses_say_so(visit: Visit, address: str) -> None:
    """From the page, with the focus on the heading, and as the first page."""
    heading = visit.page.get_by_role("heading", level=1)
    visit.open()
    visit.go_to(address, "This page does not exist")
    expect(heading).to_be_focused()
    visit.page.reload()
    expect(heading).to_have_text("This page does not exist")


def test_deleted_job_disappears_everywhere(visit: Visit, site: Site) -> None:
    """From all pages of this tab until the deletion is undone, and from other tabs."""
    visit.control_clock()
    visit.open()
    visit.drop({"gone.png": read_image("clock-small.png")})
    visit.process()
    visit.expect_status("gone.png", "Processed")
    job_id = visit.get_job_id("gone.png")
    other = visit.context.new_page()
    other.goto(f"{visit.url}#/history")
    tile = other.locator("[data-name='gone.png']")
    expect(tile).to_have_count(1)

    heading = visit.page.get_by_role("heading", level=1)
    visit.go_to(f"#/jobs/{job_id}", "gone.png")
    visit.delete_and_keep_note("gone.png")
    expect(heading).to_have_text("History")
    expect(visit.page.get_by_text("Loading…")).to_have_count(0)
    expect(visit.find_card("gone.png")).to_have_count(0)
    visit.go_to(f"#/jobs/{job_id}", "Image")
    expect(visit.page.get_by_text("This image was deleted.")).to_be_visible()
    visit.go_to("#/", "Make images smaller, and compare before and after")
    visit.page.get_by_role("button", name="Undo", exact=True).click()
    visit.expect_status("gone.png", "Processed")
    visit.page.get_by_role("button", name="Delete gone.png").click()
    expect(heading).to_have_text("Make images smaller, and compare before and after")
    expect(tile).to_have_count(0)
    wait_until(lambda: not site.http.get("jobs").json()["jobs"])


def test_files_are_sent_as_bytes(visit: Visit) -> None:
    """Whatever their names and types say: in the body of a request, and with a form."""
    visit.page.add_init_script(RECORD_TYPES)
    visit.open()
    image = read_image("clock-small.png")
    names = ["body.html", "one.png", "two.svg"]
    visit.drop({"body.html": image})
    visit.process()
    visit.expect_status("body.html", "Processed")
    visit.drop({"one.png": image, "two.svg": image})
    visit.page.get_by_label("as one batch").check()
    visit.process()
    for name in names:
        visit.expect_status(name, "Processed")
    sent = visit.page.evaluate("window.sentTypes")
    assert len(sent) >= 3  # a busy engine can let the page send a file again
    assert set(sent) == {"application/octet-stream"}


def test_failures_are_announced(visit: Visit) -> None:
    """In one sentence about all images."""
    visit.expected_failures = {"422"}
    visit.open()
    visit.drop({"good.png": read_image("clock-small.png"), "bad.png": read_image("not-an-image.png")})
    visit.process()
    expect(visit.page.locator("#announcements")).to_have_text("1 of 2 processed, 1 failed")


@pytest.mark.parametrize(
    ("status", "heading", "advice"),
    [(0, "Safelight does not respond.", "safelight up"), (503, "Safelight has a problem", "HTTP 503")],
)
def test_page_that_can_not_start_says_why(visit: Visit, status: int, heading: str, advice: str) -> None:
    """A server that does not respond, and one that responds with an error. A second try works."""
    visit.expected_failures = {"net", "503"}
    refused = [True]

    def refuse(route: Route) -> None:
        if not refused:
            route.continue_()
        elif status:
            route.fulfill(status=status)
        else:
            route.abort()

    visit.page.route("**/config.json", refuse)
    visit.page.goto(visit.url)
    alert = visit.page.get_by_role("alert")
    expect(alert.get_by_role("heading", level=1)).to_have_text(heading)
    expect(alert).to_contain_text(advice)
    refused.clear()
    alert.get_by_role("button", name="Try again").click()
    visit.page.locator("html[data-ready]").wait_for(state="attached")


def test_server_that_does_not_respond_is_not_called_offline(visit: Visit) -> None:
    """The page says which of both it is, and continues when the server responds."""
    visit.expected_failures = {"net"}
    visit.open()
    visit.page.route("**/v1/jobs?filename=*", lambda route: route.abort())
    visit.drop({"down.png": read_image("clock-small.png")})
    visit.process()
    expect(visit.page.locator("#offline")).to_have_text("No response from the server")
    expect(visit.page.locator(".messages")).to_contain_text("Safelight does not respond.")
    visit.page.unroute_all()
    visit.expect_status("down.png", "Processed")
    expect(visit.page.locator("#offline")).to_be_hidden()


def test_comparison_has_the_same_sides_from_right_to_left(visit: Visit) -> None:
    """The labels name the left and the right version."""
    visit.open()
    visit.drop({"sides.png": read_image("clock-small.png")})
    visit.process()
    visit.expect_status("sides.png", "Processed")
    visit.page.evaluate("document.documentElement.dir = 'rtl'")
    visit.page.get_by_role("button", name="Side by side").click()
    edges = [visit.page.locator(f".pane-{side}").bounding_box() for side in ("before", "after")]
    assert edges[0] is not None
    assert edges[1] is not None
    assert edges[0]["x"] < edges[1]["x"]


def test_names_keep_their_direction(visit: Visit) -> None:
    """A name in Hebrew does not change the order of the words around it."""
    visit.control_clock()
    visit.open()
    visit.drop({HEBREW: read_image("clock-small.png"), "other.png": read_image("clock-small.png")})
    visit.process()
    visit.expect_status(HEBREW, "Processed")
    visit.select(HEBREW)
    job_id = visit.get_job_id(HEBREW)
    exposed = {"image": visit.page.evaluate(LIST_EXPOSED, HEBREW)}
    visit.page.get_by_role("button", name="List").click()
    expect(visit.page.get_by_role("table")).to_contain_text(HEBREW)
    exposed["list"] = visit.page.evaluate(LIST_EXPOSED, HEBREW)
    visit.go_to(f"#/jobs/{job_id}", HEBREW)
    exposed["details"] = visit.page.evaluate(LIST_EXPOSED, HEBREW)
    visit.delete_and_keep_note(HEBREW)
    expect(visit.page.locator(".note")).to_contain_text(HEBREW)
    exposed["note"] = visit.page.evaluate(LIST_EXPOSED, HEBREW)
    visit.page.get_by_role("button", name="Undo", exact=True).click()
    expect(visit.find_card(HEBREW)).to_be_visible()
    exposed["history"] = visit.page.evaluate(LIST_EXPOSED, HEBREW)
    found = {place: texts for place, texts in exposed.items() if texts}
    assert not found, found


def _wait_for_focus(page: Page, name: str) -> None:
    """Wait until a control whose name contains a text has the focus."""
    read = "(document.activeElement.ariaLabel || document.activeElement.innerText || '')"
    page.wait_for_function(f"(name) => document.activeElement !== document.body && {read}.includes(name)", arg=name)
