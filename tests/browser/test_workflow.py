"""The main workflow on the web page, with the mouse and with the keyboard."""

import hashlib
from http import HTTPStatus
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect
from support.browser_page import HOSTILE_NAME, Visit, create_large_image, read_image
from support.running_stack import Site, wait_until


def test_drop_follow_compare_download_retry_delete(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Five images, one invalid and one too large for a request body, finish and can be managed."""
    visit.expected_failures = {"422"}  # no plan for the invalid file
    large = create_large_image(tmp_path)
    assert len(large) > 8_000_000
    visit.control_clock()
    visit.open()
    visit.drop(
        {
            "astronaut.jpg": read_image("astronaut.jpg"),
            "coffee.jpg": read_image("coffee-sideways.jpg"),
            HOSTILE_NAME: read_image("horse-transparent.png"),
            "not-an-image.png": read_image("not-an-image.png"),
            "large.bmp": large,
        }
    )
    expect(visit.page.locator(".frame")).to_have_count(5)
    expect(visit.page.locator(".plan")).to_contain_text("512 × 512 WEBP")
    visit.process()
    for name in ("astronaut.jpg", "coffee.jpg", HOSTILE_NAME, "large.bmp"):
        visit.expect_status(name, "Processed")
    visit.expect_status("not-an-image.png", "Failed")
    expect(visit.select("not-an-image.png")).to_contain_text("only starts like an image")

    job_id = visit.get_job_id("astronaut.jpg")
    viewer = visit.select("astronaut.jpg")
    slider = viewer.get_by_role("slider", name="Share of the left version")
    expect(slider).to_have_attribute("aria-valuetext", "50 % left, 50 % right")
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "60 % left, 40 % right")
    for side in ("before", "after"):
        expect(viewer.locator(f".pane-{side} img")).to_have_js_property("naturalWidth", 512)

    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Download astronaut.jpg").click()
    assert waiting.value.suggested_filename == "astronaut.webp"
    saved = hashlib.sha256(waiting.value.path().read_bytes()).hexdigest()
    assert saved == site.job(job_id)["result"]["digest"]

    with visit.page.expect_response(lambda response: response.url.endswith("/retry")):
        visit.select("not-an-image.png").get_by_role("button", name="Retry").click()

    def has_failed_again() -> bool:
        found = site.http.get("jobs", params={"status": "FAILED"}).json()["jobs"]
        return {job["generation"] for job in found if job["filename"] == "not-an-image.png"} == {2}

    wait_until(has_failed_again)
    visit.follow("History", "History")
    visit.expect_status("not-an-image.png", "Failed")

    delete = visit.find_card("astronaut.jpg").get_by_role("button", name="Delete")
    with visit.stop_timers(delete):
        delete.click()
        expect(visit.find_card("astronaut.jpg")).to_have_count(0)
        visit.page.get_by_role("button", name="Undo").click()
    expect(visit.find_card("astronaut.jpg")).to_have_count(1)
    delete.click()
    wait_until(lambda: site.http.get(f"jobs/{job_id}").status_code == HTTPStatus.NOT_FOUND)
    visit.page.get_by_role("link", name="Process", exact=True).click()
    expect(visit.page.locator(".frame")).to_have_count(4)


def test_focus_stays_on_the_heading_while_an_image_loads(visit: Visit, site: Site) -> None:
    """The heading has the focus before the job has arrived, and after it."""
    job_id = site.wait_until_done(site.submit(read_image("clock-small.png"), filename="slow.png")["id"])["id"]
    visit.open()
    heading = visit.page.get_by_role("heading", level=1)
    held = visit.hold_requests(f"**/jobs/{job_id}")
    visit.go_to(f"#/jobs/{job_id}", "Image")
    expect(heading).to_be_focused()
    held.wait()
    held.release()
    expect(heading).to_have_text("slow.png")
    expect(heading).to_be_focused()


def test_file_name_is_shown_as_text(visit: Visit) -> None:
    """A file name with markup is shown as text in the queue, in the history and on the job's page."""
    visit.open()
    visit.drop({HOSTILE_NAME: read_image("clock-small.png")})
    visit.process()
    visit.expect_status(HOSTILE_NAME, "Processed")
    visit.follow(f"Details of {HOSTILE_NAME}", HOSTILE_NAME)
    expect(visit.page.locator(".pane-after img")).to_be_visible()
    visit.follow("History", "History")
    expect(visit.find_card(HOSTILE_NAME).first).to_be_visible()
    assert visit.page.locator("img[onerror], img[src='x']").count() == 0


@pytest.mark.parametrize("method", ["paste", "file picker"])
def test_image_can_be_pasted_or_chosen(visit: Visit, method: str) -> None:
    """A pasted or chosen image is added to the queue."""
    visit.open()
    if method == "file picker":
        one: FilePayload = {"name": "p.png", "mimeType": "image/png", "buffer": read_image("clock-small.png")}
        visit.page.set_input_files("#file-picker", one)
    else:
        visit.page.evaluate(
            """(bytes) => {
              const transfer = new DataTransfer();
              transfer.items.add(new File([new Uint8Array(bytes)], 'p.png', {type: 'image/png'}));
              document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true}));
            }""",
            list(read_image("clock-small.png")),
        )
    visit.expect_status("p.png", "Ready")
