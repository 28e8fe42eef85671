"""How the web page handles errors, a lost network and reloads."""

from playwright.sync_api import FilePayload, Route, expect
from support.browser_page import Visit, in_both_browsers, read_image
from support.running_stack import Site, wait_until

BUSY = {
    "code": "TOO_MANY_REQUESTS",
    "title": "Too many requests.",
    "detail": "Too many requests.",
    "status": 429,
    "retriable": True,
    "errors": [],
}
COUNT_SAVED = """() => new Promise((resolve) => {
  const opening = indexedDB.open('safelight', 1);
  opening.onsuccess = () => {
    const counting = opening.result.transaction('files').objectStore('files').count();
    counting.onsuccess = () => { opening.result.close(); resolve(counting.result); };
  };
})"""


def test_too_many_requests_is_retried_after_retry_after(visit: Visit) -> None:
    """The page shows a 429 during an upload and while polling, and retries after Retry-After."""
    refused = {"POST": 1, "GET": 2}
    visit.expected_failures = {"429"}

    def reject_some(route: Route) -> None:
        method = route.request.method
        if refused.get(method, 0) > 0:
            refused[method] -= 1
            route.fulfill(status=429, headers={"Retry-After": "2"}, json=BUSY, content_type="application/problem+json")
        else:
            route.continue_()

    visit.open()
    visit.page.route("**/v1/jobs?filename=*", reject_some)
    visit.page.route("**/v1/jobs/0*", reject_some)
    visit.drop({"busy.png": read_image("clock-small.png")})
    visit.process()
    expect(visit.page.locator(".messages")).to_contain_text("The page retries automatically")
    visit.expect_status("busy.png", "Processed")
    assert refused == {"POST": 0, "GET": 0}


def test_refused_changes_and_lists_are_requested_again(visit: Visit) -> None:
    """A preset, an image for a watermark, and the dead letters."""
    visit.expected_failures = {"429", "422"}  # no plan for a watermark without an image
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        request = f"{route.request.method} {route.request.url.rsplit('/', 2)[1]}"
        if request in refused or route.request.method == "DELETE":
            route.continue_()
        else:
            refused.append(request)
            route.fulfill(status=429, headers={"Retry-After": "0"}, json=BUSY, content_type="application/problem+json")

    visit.open("#/")
    page = visit.page
    page.route("**/v1/presets/mine", refuse_once)
    page.route("**/v1/assets/logo", refuse_once)
    page.route("**/v1/dead-letters?*", refuse_once)
    page.get_by_label("Width", exact=True).fill("777")
    page.get_by_role("button", name="Save as preset").click()
    page.get_by_label("Name", exact=True).fill("mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Other presets")).to_have_value("mine")
    page.get_by_text("More").first.click()
    page.get_by_label("Operation to add").select_option("watermark")
    page.get_by_role("button", name="Add", exact=True).click()
    step = page.locator("[data-operation=watermark]")
    step.get_by_role("button", name="Image", exact=True).click()
    logo: FilePayload = {"name": "logo.png", "mimeType": "image/png", "buffer": read_image("clock-small.png")}
    step.locator("[data-asset-picker]").set_input_files(logo)
    expect(step.get_by_role("button", name="logo", exact=True)).to_have_attribute("aria-pressed", "true")
    visit.go_to("#/dead-letters", "Dead letters")
    expect(page.locator(".empty")).to_have_text("No dead letters.")
    assert refused == ["PUT presets", "PUT assets", "GET v1"]


def test_lost_network_is_waited_for(visit: Visit, site: Site) -> None:
    """Without a network the page says so and retries later. One image stays one job."""
    visit.expected_failures = {"net"}
    visit.open()
    visit.drop({"offline.png": read_image("clock-small.png")})
    expect(visit.page.locator(".stage")).to_be_visible()  # loaded after the start page
    visit.context.set_offline(offline=True)
    visit.process()
    expect(visit.page.locator("#offline")).to_be_visible()
    expect(visit.page.locator(".messages")).to_contain_text("continues when the network is back")
    visit.context.set_offline(offline=False)
    visit.expect_status("offline.png", "Processed")
    expect(visit.page.locator("#offline")).to_be_hidden()
    jobs = site.http.get("jobs", params={"limit": 100}).json()["jobs"]
    assert [job["filename"] for job in jobs].count("offline.png") == 1
    # The part of the page that draws previews could not be loaded before.
    visit.page.locator("[data-preset=thumbnail]").click()
    expect(visit.page.locator(".pane-after canvas")).to_be_visible()


def test_reload_restores_open_jobs(visit: Visit, site: Site) -> None:
    """After a reload the page restores open jobs and follows them until they are done."""
    visit.open()
    with site.pause_worker():
        visit.drop({"reload.png": read_image("clock-small.png"), "again.png": read_image("clock-small.png")})
        visit.process()
        visit.expect_status("reload.png", "Queued")
        visit.expect_status("again.png", "Queued")
        visit.page.reload()
        visit.expect_status("reload.png", "Queued")
    visit.expect_status("reload.png", "Processed")
    visit.expect_status("again.png", "Processed")
    visit.follow("History", "History")
    visit.expect_status("reload.png", "Processed")


@in_both_browsers
def test_reload_keeps_files_that_are_not_sent(visit: Visit) -> None:
    """After a reload, before which the browser asks, the page has the files again, and sends them."""
    visit.confirms_leaving = True
    visit.open()
    visit.drop({"kept.png": read_image("clock-small.png")})
    visit.expect_status("kept.png", "Ready")
    wait_until(lambda: visit.page.evaluate(COUNT_SAVED) == 1)
    visit.page.reload()
    visit.expect_status("kept.png", "Ready")
    visit.process()
    visit.expect_status("kept.png", "Processed")
    wait_until(lambda: visit.page.evaluate(COUNT_SAVED) == 0)


def test_a_plan_is_requested_again_after_retry_after(visit: Visit) -> None:
    """The page shows the 429 instead of a plan, and then the plan, without another change of the recipe."""
    visit.expected_failures = {"429"}
    refused = [BUSY] * 2

    def reject_twice(route: Route) -> None:
        if refused:
            headers = {"Retry-After": "2"}
            route.fulfill(status=429, headers=headers, json=refused.pop(), content_type="application/problem+json")
        else:
            route.continue_()

    visit.page.route("**/v1/plan", reject_twice)
    visit.open()
    expect(visit.page.locator(".plan")).to_contain_text("Too many requests.")
    visit.drop({"busy.png": read_image("clock-small.png")})
    expect(visit.page.locator(".plan")).to_contain_text("96 × 72 WEBP")
    assert not refused


def test_plan_marks_invalid_recipe_values(visit: Visit) -> None:
    """The plan marks the invalid field until its value is corrected."""
    visit.expected_failures = {"422"}
    visit.open()
    width = visit.page.get_by_label("Width", exact=True)
    width.fill("20000")
    expect(width).to_have_attribute("aria-invalid", "true")
    visit.drop({"invalid.png": read_image("clock-small.png")})
    expect(visit.page.locator("#go")).to_be_disabled()
    width.fill("300")
    expect(visit.page.locator(".plan")).to_contain_text("96 × 72 WEBP")
    expect(visit.page.locator("#go")).to_be_enabled()
    expect(width).not_to_have_attribute("aria-invalid", "true")


def test_open_job_can_be_canceled_and_retried(visit: Visit, site: Site) -> None:
    """A queued job can be canceled, and processed after a retry."""
    visit.open()
    with site.pause_worker():
        visit.drop({"changed-mind.png": read_image("clock-small.png")})
        visit.process()
        visit.expect_status("changed-mind.png", "Queued")
        visit.page.get_by_role("button", name="Cancel changed-mind.png").click()
        visit.expect_status("changed-mind.png", "Canceled")
        visit.page.get_by_role("button", name="Retry changed-mind.png").click()
        visit.expect_status("changed-mind.png", "Queued")
    visit.expect_status("changed-mind.png", "Processed")


def test_style_sheet_that_could_not_be_loaded_is_loaded_later(visit: Visit) -> None:
    """The light table has its own, which is loaded after the start page."""
    visit.expected_failures = {"net"}
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route.request.url)
        route.abort("internetdisconnected")

    visit.page.route("**/stage.css", refuse_once)
    visit.open()
    visit.drop({"styled.png": read_image("clock-small.png")})
    expect(visit.page.locator(".stage")).to_have_css("position", "relative")
    visit.page.locator("[data-preset=thumbnail]").click()
    expect(visit.page.locator(".pane-after canvas")).to_be_visible()
