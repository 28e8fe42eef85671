"""What goes wrong on the way, and how the page gets over it."""

from playwright.sync_api import Route, expect
from support.browser_page import Visit, picture
from support.running_stack import Site

BUSY = {
    "code": "TOO_MANY_REQUESTS",
    "title": "Too many requests at this moment.",
    "detail": "Too many requests at this moment.",
    "status": 429,
    "retriable": True,
    "errors": [],
}


def test_a_busy_server_is_given_time(visit: Visit) -> None:
    """A 429 in the middle of sending and of watching is said, waited out as asked, and over."""
    refused = {"POST": 1, "GET": 2}
    visit.refusals_expected = {"429"}

    def sometimes(route: Route) -> None:
        method = route.request.method
        if refused.get(method, 0) > 0:
            refused[method] -= 1
            route.fulfill(status=429, headers={"Retry-After": "1"}, json=BUSY, content_type="application/problem+json")
        else:
            route.continue_()

    visit.open()
    visit.page.route("**/v1/jobs?filename=*", sometimes)
    visit.page.route("**/v1/jobs/0*", sometimes)
    visit.drop({"busy.png": picture("clock-small.png")})
    visit.develop()
    expect(visit.print_of("busy.png")).to_contain_text("it will be tried again")
    visit.expect_state("busy.png", "Developed")
    assert refused == {"POST": 0, "GET": 0}


def test_a_lost_network_is_waited_for(visit: Visit, site: Site) -> None:
    """Without a network the page says so, loses nothing, and goes on when it is back; one image stays one job."""
    visit.refusals_expected = {"net"}
    visit.open()
    visit.drop({"offline.png": picture("clock-small.png")})
    visit.context.set_offline(offline=True)
    visit.develop()
    expect(visit.page.locator("#offline")).to_be_visible()
    expect(visit.print_of("offline.png")).to_contain_text("goes on by itself")
    visit.context.set_offline(offline=False)
    visit.expect_state("offline.png", "Developed")
    expect(visit.page.locator("#offline")).to_be_hidden()
    jobs = site.http.get("jobs", params={"limit": 100}).json()["jobs"]
    assert [job["filename"] for job in jobs].count("offline.png") == 1


def test_a_reload_loses_no_job(visit: Visit, site: Site) -> None:
    """Loaded anew in the middle, the page finds its images again and sees them to their end."""
    visit.open()
    with site.without_worker():
        visit.drop({"reload.png": picture("clock-small.png"), "again.png": picture("clock-small.png")})
        visit.develop()
        visit.expect_state("reload.png", "In the queue")
        visit.expect_state("again.png", "In the queue")
        visit.page.reload()
        visit.expect_state("reload.png", "In the queue")
    visit.expect_state("reload.png", "Developed")
    visit.expect_state("again.png", "Developed")
    visit.page.get_by_role("link", name="History").click()
    visit.expect_state("reload.png", "Developed")


def test_a_wrong_recipe_is_marked_before_anything_is_sent(visit: Visit) -> None:
    """The plan complains at the very field; correcting it takes the complaint away."""
    visit.refusals_expected = {"422"}
    visit.open()
    width = visit.page.get_by_label("Width")
    width.fill("20000")
    expect(width).to_have_attribute("aria-invalid", "true")
    width.fill("300")
    expect(visit.page.locator(".plan")).to_contain_text("300 × 225 PNG")
    expect(width).not_to_have_attribute("aria-invalid", "true")


def test_an_open_job_can_be_cancelled_and_tried_again(visit: Visit, site: Site) -> None:
    """An image that waits is cancelled at a word, and developed after all at another."""
    visit.open()
    with site.without_worker():
        visit.drop({"changed-mind.png": picture("clock-small.png")})
        visit.develop()
        visit.expect_state("changed-mind.png", "In the queue")
        visit.print_of("changed-mind.png").get_by_role("button", name="Cancel").click()
        visit.expect_state("changed-mind.png", "Cancelled")
        visit.print_of("changed-mind.png").get_by_role("button", name="Retry").click()
        visit.expect_state("changed-mind.png", "In the queue")
    visit.expect_state("changed-mind.png", "Developed")
