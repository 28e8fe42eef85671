"""Batches on the web page."""

import re
from typing import Any

from playwright.sync_api import expect
from support.browser_page import Visit, read_image
from support.running_stack import Site, wait_until


def test_many_images_become_one_batch(visit: Visit, site: Site) -> None:
    """Twelve dropped images become one batch. Its page shows the progress and retries the failed image."""
    good = {f"batch-{number}.png": read_image("clock-small.png") for number in range(11)}
    visit.open()
    visit.drop({**good, "batch-bad.png": read_image("not-an-image.png")})
    expect(visit.page.get_by_label("as one batch")).to_be_checked()
    visit.process()
    expect(visit.page).to_have_url(re.compile(r"#/batches/\w+$"))
    expect(visit.page.locator(".batch-bar")).to_have_attribute("aria-label", "11 processed, 1 failed")
    expect(visit.page.locator(".print")).to_have_count(12)
    batch_id = visit.page.url.rsplit("/", 1)[-1]
    found = site.http.get(f"batches/{batch_id}").json()
    assert (found["total"], found["closed"], found["done"]) == (12, True, True)

    visit.page.get_by_role("button", name="Retry 1 failed image").click()
    wait_until(lambda: _get_bad_job(site, batch_id)["generation"] == 2)
    wait_until(lambda: _get_bad_job(site, batch_id)["status"] == "FAILED")
    visit.expect_status("batch-bad.png", "Failed")
    visit.page.get_by_role("link", name="Batches").click()
    expect(visit.page.get_by_role("link", name="batch-0.png and 11 others")).to_be_visible()


def _get_bad_job(site: Site, batch_id: str) -> dict[str, Any]:
    members: list[dict[str, Any]] = site.http.get(f"batches/{batch_id}/items", params={"limit": 100}).json()["items"]
    return next(job for job in members if job["filename"] == "batch-bad.png")
