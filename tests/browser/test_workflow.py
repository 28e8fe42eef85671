"""The main workflow on the web page, with the mouse and with the keyboard."""

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect
from support.browser_page import HOSTILE_NAME, Visit, create_large_image, read_image
from support.running_stack import Site, wait_until


def test_drop_follow_compare_download_retry_delete(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Five images, one invalid and one too large for a request body, finish and can be managed."""
    large = create_large_image(tmp_path)
    assert len(large) > 8_000_000
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
    expect(visit.page.locator(".print")).to_have_count(5)
    expect(visit.page.locator(".plan")).to_contain_text("512 × 512 PNG")
    visit.process()
    for name in ("astronaut.jpg", "coffee.jpg", HOSTILE_NAME, "large.bmp"):
        visit.expect_status(name, "Processed")
    visit.expect_status("not-an-image.png", "Failed")
    expect(visit.find_card("not-an-image.png")).to_contain_text("only starts like an image")

    job_id = visit.get_job_id("astronaut.jpg")
    visit.find_card("astronaut.jpg").get_by_role("link", name="Compare").click()
    slider = visit.page.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", "50 % before, 50 % after")
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "60 % before, 40 % after")
    for side in ("before", "after"):
        shown = visit.page.locator(f".compare-{side} img")
        assert shown.evaluate("each => each.naturalWidth") == 512

    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Download astronaut.jpg").first.click()
    assert waiting.value.suggested_filename == "astronaut.png"
    saved = hashlib.sha256(waiting.value.path().read_bytes()).hexdigest()
    assert saved == site.job(job_id)["result"]["digest"]

    visit.page.get_by_role("link", name="Process", exact=True).click()
    bad = visit.find_card("not-an-image.png")
    with visit.page.expect_response(lambda response: response.url.endswith("/retry")):
        bad.get_by_role("button", name="Retry").click()

    def has_failed_again() -> bool:
        found = site.http.get("jobs", params={"status": "FAILED"}).json()["jobs"]
        return {job["generation"] for job in found if job["filename"] == "not-an-image.png"} == {2}

    wait_until(has_failed_again)
    visit.page.get_by_role("link", name="History").click()
    visit.expect_status("not-an-image.png", "Failed")

    visit.find_card("astronaut.jpg").get_by_role("button", name="Delete").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(visit.find_card("astronaut.jpg")).to_have_count(0)
    assert site.http.get(f"jobs/{job_id}").status_code == 404


def test_file_name_is_shown_as_text(visit: Visit) -> None:
    """A file name with markup is shown as text in the queue, in the history and on the job's page."""
    visit.open()
    visit.drop({HOSTILE_NAME: read_image("clock-small.png")})
    visit.process()
    visit.expect_status(HOSTILE_NAME, "Processed")
    visit.find_card(HOSTILE_NAME).get_by_role("link", name="Compare").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(HOSTILE_NAME)
    expect(visit.page.locator(".compare-after img")).to_be_visible()
    visit.page.get_by_role("link", name="History").click()
    expect(visit.find_card(HOSTILE_NAME).first).to_be_visible()
    assert visit.page.locator("img[onerror], img[src='x']").count() == 0


def test_page_works_with_the_keyboard_only(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Choosing, processing, comparing, downloading and deleting work without a mouse."""
    path = tmp_path / "keys.webp"
    path.write_bytes(read_image("cat.webp"))
    visit.open()
    visit.tab_to("Skip to content")
    with visit.page.expect_file_chooser() as chooser:
        visit.tab_to("Choose images")
        visit.page.keyboard.press("Enter")
    chooser.value.set_files(path)
    visit.tab_to("Process 1 image")
    visit.page.keyboard.press("Enter")
    visit.expect_status("keys.webp", "Processed")
    job_id = visit.get_job_id("keys.webp")
    visit.page.keyboard.press("Shift+Tab")
    visit.tab_to("Compare keys.webp")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("heading", level=1)).to_be_focused()
    visit.page.get_by_role("slider").wait_for()
    visit.tab_to("Share of the original shown")
    visit.page.keyboard.press("End")
    expect(visit.page.get_by_role("slider")).to_have_value("100")
    visit.tab_to("Download keys.webp", back=True)
    with visit.page.expect_download():
        visit.page.keyboard.press("Enter")
    visit.tab_to("Delete keys.webp")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("button", name="Keep")).to_be_focused()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("History")
    assert site.http.get(f"jobs/{job_id}").status_code == 404


@pytest.mark.parametrize("method", ["paste", "file picker"])
def test_image_can_be_pasted_or_chosen(visit: Visit, method: str) -> None:
    """A pasted or chosen image is added to the queue."""
    visit.open()
    if method == "file picker":
        one: FilePayload = {"name": "p.png", "mimeType": "image/png", "buffer": read_image("clock-small.png")}
        visit.page.set_input_files("#file-picker", one)
    else:
        visit.page.evaluate(
            """() => {
              const transfer = new DataTransfer();
              transfer.items.add(new File([new Uint8Array(9)], 'p.png', {type: 'image/png'}));
              document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true}));
            }"""
        )
    visit.expect_status("p.png", "Ready")
