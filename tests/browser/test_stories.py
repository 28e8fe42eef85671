"""Whole sessions on the web page: with the mouse, and with the keyboard alone."""

import hashlib
import io
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect
from support.browser_page import HOLD_UPLOADS, READ_TRANSFORMS, Visit, in_both_browsers, read_image
from support.image_folders import BAD_NAMES, IMAGES, LARGEST, SIZE, create_image_folder
from support.running_stack import Site, wait_until

#: So many files reach S3 before the page is loaded again.
SENT_BEFORE_RELOAD = 10
#: What the summary says when all images that can be processed are.
DONE = f"{IMAGES} of {IMAGES + 1} processed, 1 failed"


@pytest.mark.thorough
@in_both_browsers
def test_folder_is_processed_twice_and_saved(visit: Visit, site: Site, tmp_path: Path) -> None:
    """A folder of 40 files, three of them bad, is dropped and processed, with a reload while it is sent.

    Then another recipe is tried, the versions are compared, all results are saved, and an image is deleted.
    """
    paths = create_image_folder(tmp_path / "trip")
    broken = BAD_NAMES[0]
    visit.expected_failures = {"422"}  # no plan for the broken file
    visit.confirms_leaving = True
    visit.control_clock()
    visit.open()
    visit.drop_folder(tmp_path / "trip")
    expect(visit.page.get_by_text("2 files left out: 1 is not an image, 1 is empty.").first).to_be_visible()
    _expect_rows(visit, IMAGES + 1)

    with site.pause_worker():
        _reload_while_sending(visit)
    visit.process()
    _expect_summary(visit, DONE)
    expect(visit.page.locator("tbody tr").first).to_have_attribute("data-name", broken)
    # The jobs that were to get the other files before the reload are deleted.
    names = sorted([*(Path(each).name for each in paths), broken])
    wait_until(lambda: sorted(job["filename"] for job in _list_jobs(site)) == names)

    visit.open_from_list(LARGEST)
    stage = visit.page.get_by_role("group", name="Before and after")
    for side in ("before", "after"):
        expect(stage.locator(f".pane-{side} img")).to_have_js_property("naturalWidth", SIZE[0])
    fitted = visit.page.evaluate(READ_TRANSFORMS)
    stage.get_by_role("button", name="200 %").click()
    expect(stage).to_have_attribute("data-zoomed", "true")
    zoomed = visit.page.evaluate(READ_TRANSFORMS)
    assert zoomed[0] == zoomed[1] != fitted[0]

    visit.page.locator("[data-preset=thumbnail]").click()
    visit.process()
    viewer = visit.page.get_by_role("region", name="Selected image")
    expect(viewer.get_by_text("2 versions")).to_be_visible()
    _expect_summary(visit, DONE)
    expect(stage.locator(".pane-after img")).to_have_js_property("naturalWidth", 256)
    viewer.get_by_label("Left version", exact=True).select_option(label="Version 1, web")
    expect(stage.locator(".pane-before img")).to_have_js_property("naturalWidth", SIZE[0])

    _check_archive(_save_archive(visit), paths, site)

    ids = {job["id"] for job in _list_jobs(site) if job["filename"] == LARGEST}
    assert len(ids) == 2
    visit.page.mouse.move(0, 0)  # the note about the zip file disappears
    visit.page.clock.fast_forward(60_000)
    expect(visit.page.locator(".note")).to_have_count(0)
    visit.delete_and_keep_note(LARGEST)
    _expect_summary(visit, f"{IMAGES - 1} of {IMAGES} processed, 1 failed")
    visit.page.get_by_role("button", name="Undo", exact=True).click()
    _expect_summary(visit, DONE)
    visit.open_from_list(LARGEST)
    viewer.get_by_role("button", name=f"Delete {LARGEST}").click()
    _expect_summary(visit, f"{IMAGES - 1} of {IMAGES} processed, 1 failed")
    visit.page.clock.fast_forward(60_000)
    wait_until(lambda: not ids & {job["id"] for job in _list_jobs(site)})


def _reload_while_sending(visit: Visit) -> None:
    """Start the run, let some files reach S3, and load the page again: the others are ready to be sent."""
    visit.page.evaluate(HOLD_UPLOADS, SENT_BEFORE_RELOAD)
    visit.process()
    _expect_summary(visit, f"0 of {IMAGES + 1} processed, {IMAGES + 1 - SENT_BEFORE_RELOAD} not sent yet")
    visit.page.reload()
    _expect_summary(visit, f"0 of {SENT_BEFORE_RELOAD} processed, {SENT_BEFORE_RELOAD} in progress")
    _expect_rows(visit, IMAGES + 1)


def _expect_summary(visit: Visit, text: str) -> None:
    expect(visit.page.locator(".summary-count")).to_have_text(text)


def _expect_rows(visit: Visit, count: int) -> None:
    """Wait until the list has as many images. Only the visible ones are drawn."""
    expect(visit.page.get_by_role("table")).to_have_attribute("aria-rowcount", str(count + 1))


def _list_jobs(site: Site) -> list[dict[str, Any]]:
    """Return the jobs of the session."""
    answer = site.http.get("jobs", params={"limit": 100})
    jobs: list[dict[str, Any]] = answer.json()["jobs"]
    return jobs


def _save_archive(visit: Visit) -> bytes:
    """Download all results."""
    name, saved = visit.save(visit.page.get_by_role("button", name=f"Download {IMAGES} results (zip)"))
    assert name == "safelight.zip"
    return saved


def _check_archive(saved_bytes: bytes, paths: list[str], site: Site) -> None:
    """Check the names in the zip file, and compare each result with the digest of its job."""
    with ZipFile(io.BytesIO(saved_bytes)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(str(Path(each).with_suffix(".jpg")) for each in paths)
        saved = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    results = [job for job in _list_jobs(site) if job["preset"]["name"] == "thumbnail" and job["result"]]
    assert sorted(saved.values()) == sorted(job["result"]["digest"] for job in results)


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
    visit.wait_until_drawn()  # the new heading gets the focus
    visit.tab_to("Download keys.jpg")
    with page.expect_download():
        keyboard.press("Enter")
    with visit.stop_timers(page.get_by_role("button", name="Delete keys.jpg")):
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
