"""The whole story, as a person lives it: with a mouse, and with the keyboard alone."""

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect
from support.browser_page import HOSTILE_NAME, Visit, large_picture, picture
from support.running_stack import Site


def test_drop_watch_compare_download_retry_delete(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Five images, one bad and one too large for a request, come to their ends and obey from there."""
    large = large_picture(tmp_path)
    assert len(large) > 8_000_000
    visit.open()
    visit.drop(
        {
            "astronaut.jpg": picture("astronaut.jpg"),
            "coffee.jpg": picture("coffee-sideways.jpg"),
            HOSTILE_NAME: picture("horse-transparent.png"),
            "not-a-picture.png": picture("not-a-picture.png"),
            "large.bmp": large,
        }
    )
    expect(visit.page.locator(".print")).to_have_count(5)
    expect(visit.page.locator(".plan")).to_contain_text("512 × 512 PNG")
    visit.develop()
    for name in ("astronaut.jpg", "coffee.jpg", HOSTILE_NAME, "large.bmp"):
        visit.expect_state(name, "Developed")
    visit.expect_state("not-a-picture.png", "Failed")
    expect(visit.print_of("not-a-picture.png")).to_contain_text("only begins like a picture")

    job_id = visit.job_id("astronaut.jpg")
    visit.print_of("astronaut.jpg").get_by_role("link", name="Compare").click()
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

    visit.page.get_by_role("link", name="Develop", exact=True).click()
    bad = visit.print_of("not-a-picture.png")
    bad.get_by_role("button", name="Retry").click()
    visit.page.get_by_role("link", name="History").click()
    visit.expect_state("not-a-picture.png", "Failed")
    found = site.http.get("jobs", params={"status": "FAILED"}).json()["jobs"]
    assert {job["generation"] for job in found if job["filename"] == "not-a-picture.png"} == {2}

    visit.print_of("astronaut.jpg").get_by_role("button", name="Delete").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(visit.print_of("astronaut.jpg")).to_have_count(0)
    assert site.http.get(f"jobs/{job_id}").status_code == 404


def test_a_name_is_never_markup(visit: Visit) -> None:
    """A name that is markup is shown as it is written, in the tray, in the history and on its page."""
    visit.open()
    visit.drop({HOSTILE_NAME: picture("clock-small.png")})
    visit.develop()
    visit.expect_state(HOSTILE_NAME, "Developed")
    visit.print_of(HOSTILE_NAME).get_by_role("link", name="Compare").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(HOSTILE_NAME)
    expect(visit.page.locator(".compare-after img")).to_be_visible()
    visit.page.get_by_role("link", name="History").click()
    expect(visit.print_of(HOSTILE_NAME).first).to_be_visible()
    assert visit.page.locator("img[onerror], img[src='x']").count() == 0


def test_the_keyboard_is_enough(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Choosing, developing, comparing, downloading and deleting need no pointer."""
    path = tmp_path / "keys.webp"
    path.write_bytes(picture("cat.webp"))
    visit.open()
    visit.tab_to("To the content")
    with visit.page.expect_file_chooser() as chooser:
        visit.tab_to("Choose pictures")
        visit.page.keyboard.press("Enter")
    chooser.value.set_files(path)
    visit.tab_to("Develop 1 picture")
    visit.page.keyboard.press("Enter")
    visit.expect_state("keys.webp", "Developed")
    job_id = visit.job_id("keys.webp")
    visit.page.keyboard.press("Shift+Tab")
    visit.tab_to("Compare keys.webp")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("heading", level=1)).to_be_focused()
    visit.page.get_by_role("slider").wait_for()
    visit.tab_to("How much of the original is shown")
    visit.page.keyboard.press("End")
    expect(visit.page.get_by_role("slider")).to_have_value("100")
    visit.tab_to("Download keys.webp", back=True)
    with visit.page.expect_download():
        visit.page.keyboard.press("Enter")
    visit.tab_to("Delete keys.webp")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("button", name="Keep it")).to_be_focused()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("History")
    assert site.http.get(f"jobs/{job_id}").status_code == 404


@pytest.mark.parametrize("way", ["paste", "pick"])
def test_other_ways_in(visit: Visit, way: str) -> None:
    """An image can be pasted and picked as well."""
    visit.open()
    if way == "pick":
        one: FilePayload = {"name": "p.png", "mimeType": "image/png", "buffer": picture("clock-small.png")}
        visit.page.set_input_files("#file-picker", one)
    else:
        visit.page.evaluate(
            """() => {
              const carried = new DataTransfer();
              carried.items.add(new File([new Uint8Array(9)], 'p.png', {type: 'image/png'}));
              document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: carried, bubbles: true}));
            }"""
        )
    visit.expect_state("p.png", "Ready")
