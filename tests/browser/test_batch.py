"""Many images at once."""

import re
from typing import Any

from playwright.sync_api import expect
from support.browser_page import Visit, picture
from support.running_stack import Site, until


def test_many_pictures_become_one_batch(visit: Visit, site: Site) -> None:
    """A dozen dropped together go as one batch, whose place shows how far it is and tries again what failed."""
    good = {f"batch-{number}.png": picture("clock-small.png") for number in range(11)}
    visit.open()
    visit.drop({**good, "batch-bad.png": picture("not-a-picture.png")})
    expect(visit.page.get_by_label("as one batch")).to_be_checked()
    visit.develop()
    expect(visit.page).to_have_url(re.compile(r"#/batches/\w+$"))
    expect(visit.page.locator(".batch-bar")).to_have_attribute("aria-label", "11 developed, 1 failed", timeout=60_000)
    expect(visit.page.locator(".print")).to_have_count(12)
    batch_id = visit.page.url.rsplit("/", 1)[-1]
    found = site.http.get(f"batches/{batch_id}").json()
    assert (found["total"], found["closed"], found["done"]) == (12, True, True)

    visit.page.get_by_role("button", name="Retry 1 failed picture").click()
    until(lambda: _bad_one(site, batch_id)["generation"] == 2)
    until(lambda: _bad_one(site, batch_id)["status"] == "FAILED")
    visit.expect_state("batch-bad.png", "Failed")
    visit.page.get_by_role("link", name="Batches").click()
    expect(visit.page.get_by_role("link", name="batch-0.png and 11 others")).to_be_visible()


def _bad_one(site: Site, batch_id: str) -> dict[str, Any]:
    members: list[dict[str, Any]] = site.http.get(f"batches/{batch_id}/items", params={"limit": 100}).json()["items"]
    return next(job for job in members if job["filename"] == "batch-bad.png")
