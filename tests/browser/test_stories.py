"""A whole session on the web page with the keyboard alone."""

from http import HTTPStatus
from pathlib import Path

from playwright.sync_api import expect
from support.browser_page import Visit, in_both_browsers, read_image
from support.running_stack import Site, wait_until


@in_both_browsers
def test_page_works_with_the_keyboard_only(visit: Visit, site: Site, tmp_path: Path) -> None:
    """Without a mouse: choose, process, zoom, try another recipe, compare, download and delete with undo."""
    path = tmp_path / "keys.jpg"
    path.write_bytes(read_image("astronaut.jpg"))
    page, keyboard = visit.page, visit.page.keyboard
    visit.control_clock()
    visit.open()
    visit.tab_to("Skip to content")
    with page.expect_file_chooser() as chooser:
        visit.tab_to("Choose images")
        keyboard.press("Enter")
    chooser.value.set_files(path)
    visit.tab_to("Process 1 image")
    keyboard.press("Enter")
    visit.expect_status("keys.jpg", "Processed")

    stage = page.get_by_role("group", name="Before and after")
    expect(stage.locator(".pane-after img")).to_have_js_property("naturalWidth", 512)
    visit.tab_to("Share of the left version", back=True)
    keyboard.press("End")
    expect(page.get_by_role("slider", name="Share of the left version")).to_have_value("100")
    visit.tab_to(str(stage.get_attribute("aria-label")), back=True)
    keyboard.press("2")
    expect(stage).to_have_attribute("data-zoomed", "true")
    keyboard.press("0")
    expect(stage).to_have_attribute("data-zoomed", "false")

    visit.tab_to(page.locator("[data-preset=thumbnail]").inner_text().strip())
    keyboard.press("Enter")
    visit.tab_to("Process 1 image again")
    keyboard.press("Enter")
    expect(page.get_by_text("2 versions")).to_be_visible()
    visit.expect_status("keys.jpg", "Processed")
    expect(stage.locator(".pane-after img")).to_have_js_property("naturalWidth", 256)
    visit.tab_to("Left version", back=True)
    keyboard.press("ArrowDown")
    expect(page.get_by_label("Left version", exact=True).locator("option:checked")).to_have_text("Version 1, web")

    _download_and_delete(visit, site)


def _download_and_delete(visit: Visit, site: Site) -> None:
    """Do so on the image's own page, and undo the first deletion."""
    page, keyboard = visit.page, visit.page.keyboard
    job_id = visit.get_job_id("keys.jpg")
    visit.tab_to("Details of keys.jpg", back=True)
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("keys.jpg")
    visit.tab_to("Download keys.jpg")
    with page.expect_download():
        keyboard.press("Enter")
    with visit.stop_timers():
        visit.tab_to("Delete keys.jpg")
        keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("History")
        visit.tab_to("Undo")
        keyboard.press("Enter")
    expect(page.locator(f"[data-id='{job_id}']")).to_have_count(1)
    visit.tab_to("Delete keys.jpg")
    keyboard.press("Enter")
    page.clock.fast_forward(60_000)
    wait_until(lambda: site.http.get(f"jobs/{job_id}").status_code == HTTPStatus.NOT_FOUND)
