"""Batches on the web page."""

from typing import Any
from zipfile import ZipFile

from playwright.sync_api import expect
from support.browser_page import Visit, read_image
from support.running_stack import Site, wait_until


def test_many_images_become_one_batch(visit: Visit, site: Site) -> None:
    """Thirteen dropped images become one batch, in a list. Its page shows the progress and retries the failed image."""
    good = {f"batch-{number}.png": read_image("clock-small.png") for number in range(12)}
    visit.open()
    visit.drop({**good, "batch-bad.png": read_image("not-an-image.png")})
    expect(visit.page.get_by_label("as one batch")).to_be_checked()
    visit.process()
    expect(visit.page.locator(".summary-count")).to_have_text("12 of 13 processed, 1 failed")
    first_row = visit.page.locator("tbody tr").first
    expect(first_row).to_have_attribute("data-name", "batch-bad.png")
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Download 12 results (zip)").click()
    with ZipFile(waiting.value.path()) as archive:
        assert sorted(archive.namelist()) == sorted(f"batch-{number}.webp" for number in range(12))
        assert archive.testzip() is None

    visit.page.get_by_role("link", name="Batches").click()
    visit.page.get_by_role("link", name="batch-0.png and 12 others").click()
    expect(visit.page.get_by_role("img", name="12 processed, 1 failed")).to_be_visible()
    batch_id = visit.page.url.rsplit("/", 1)[-1]
    found = site.http.get(f"batches/{batch_id}").json()
    assert (found["total"], found["closed"], found["done"]) == (13, True, True)
    visit.page.get_by_role("button", name="Retry 1 failed image").click()
    wait_until(lambda: _get_bad_job(site, batch_id)["generation"] == 2)
    wait_until(lambda: _get_bad_job(site, batch_id)["status"] == "FAILED")
    visit.expect_status("batch-bad.png", "Failed")


def _get_bad_job(site: Site, batch_id: str) -> dict[str, Any]:
    members: list[dict[str, Any]] = site.http.get(f"batches/{batch_id}/items", params={"limit": 100}).json()["items"]
    return next(job for job in members if job["filename"] == "batch-bad.png")
