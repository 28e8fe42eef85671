"""Batches on the web page."""

from typing import Any
from zipfile import ZipFile

from playwright.sync_api import expect
from support.browser_page import HOLD_UPLOADS, Visit, read_image
from support.running_stack import Site, wait_until

MANY = {f"many-{number:02}.png": read_image("clock-small.png") for number in range(14)}
#: So many files reach S3 before the run is interrupted.
SENT = 5


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

    visit.follow("Batches", "Batches")
    visit.follow("batch-0.png and 12 others", "batch-0.png and 12 others")
    expect(visit.page.get_by_role("img", name="12 processed, 1 failed")).to_be_visible()
    batch_id = visit.page.url.rsplit("/", 1)[-1]
    wait_until(lambda: _get_batch(site, batch_id)["closed"])  # the page closes the batch while it sends the images
    found = _get_batch(site, batch_id)
    assert (found["total"], found["done"]) == (13, True)
    visit.page.get_by_role("button", name="Retry 1 failed image").click()
    wait_until(lambda: _get_bad_job(site, batch_id)["generation"] == 2)
    wait_until(lambda: _get_bad_job(site, batch_id)["status"] == "FAILED")
    visit.page.get_by_label("Status").select_option("Failed")
    visit.expect_status("batch-bad.png", "Failed")


def _get_batch(site: Site, batch_id: str) -> dict[str, Any]:
    batch: dict[str, Any] = site.http.get(f"batches/{batch_id}").raise_for_status().json()
    return batch


def _get_bad_job(site: Site, batch_id: str) -> dict[str, Any]:
    members: list[dict[str, Any]] = site.http.get(f"batches/{batch_id}/items", params={"limit": 100}).json()["items"]
    return next(job for job in members if job["filename"] == "batch-bad.png")


def test_reload_keeps_no_batch_open(visit: Visit, site: Site) -> None:
    """A reload interrupts the uploads of a batch: its members without a file are deleted, and the batch ends.

    The files that were not sent are ready to be sent again, as other jobs.
    """
    visit.confirms_leaving = True
    visit.open()
    with site.pause_worker():
        _start_and_hold_uploads(visit)
        visit.page.reload()
        expect(visit.page.locator("tbody tr[data-status=Queued]")).to_have_count(SENT)
        expect(visit.page.locator("tbody tr[data-status=Ready]")).to_have_count(len(MANY) - SENT)
        wait_until(lambda: len(_list_names(site)) == SENT)
    wait_until(lambda: _read_newest_batch(site)["done"])
    visit.process()
    expect(visit.page.locator(".summary-count")).to_have_text(f"{len(MANY)} of {len(MANY)} processed")
    assert _list_names(site) == sorted(MANY)


def test_canceled_rest_keeps_no_batch_open(visit: Visit, site: Site) -> None:
    """Canceling deletes the members without a file, and the batch ends with the others."""
    visit.open()
    with site.pause_worker():
        _start_and_hold_uploads(visit)
        visit.page.get_by_role("button", name="Cancel the rest").click()
        expect(visit.page.locator("tbody tr[data-status=Canceled]")).to_have_count(SENT)
        expect(visit.page.locator("tbody tr[data-status=Ready]")).to_have_count(len(MANY) - SENT)
        wait_until(lambda: len(_list_names(site)) == SENT)
    wait_until(lambda: _read_newest_batch(site)["done"])


def test_canceling_while_members_are_registered_sends_nothing(visit: Visit, site: Site) -> None:
    """Images that are canceled before the server has answered are not sent afterwards."""
    sent: list[str] = []
    held = visit.hold_requests("**/v1/batches/*/items")
    visit.page.on("request", lambda each: sent.append(each.url) if "form-data" in str(each.headers) else None)
    visit.open()
    visit.drop(MANY)
    visit.process()
    expect(visit.page.locator("tbody tr[data-status=Waiting]")).to_have_count(len(MANY))
    held.wait()
    visit.page.get_by_role("button", name="Cancel the rest").click()
    expect(visit.page.locator("tbody tr[data-status=Ready]")).to_have_count(len(MANY))
    with visit.page.expect_response("**/v1/batches/*/close"):
        held.release()
    wait_until(lambda: not _list_names(site))
    wait_until(lambda: _read_newest_batch(site)["done"])
    expect(visit.page.locator("tbody tr[data-status=Ready]")).to_have_count(len(MANY))
    assert sent == []


def test_uploads_of_a_batch_are_not_confirmed(visit: Visit) -> None:
    """S3 reports the files too: confirming each would double the requests.

    On a busy machine, S3 reports some of them late, and the page would confirm these (`tests/web`).
    """
    module = "export async function confirmLateUploads() {}"
    visit.page.route("**/late-uploads.js", lambda route: route.fulfill(body=module, content_type="text/javascript"))
    confirmed: list[str] = []
    visit.page.on("request", lambda each: confirmed.append(each.url) if each.url.endswith("/confirm") else None)
    visit.open()
    visit.drop(MANY)
    visit.process()
    expect(visit.page.locator(".summary-count")).to_have_text(f"{len(MANY)} of {len(MANY)} processed")
    assert confirmed == []


def test_new_members_are_shown_before_more_is_known_of_them(visit: Visit) -> None:
    """A second recipe makes a batch from stored images. The page shows its members until their jobs are read."""
    visit.open()
    visit.drop(MANY)
    visit.process()
    expect(visit.page.locator(".summary-count")).to_have_text(f"{len(MANY)} of {len(MANY)} processed")
    visit.page.reload()  # so that the page has no files
    expect(visit.page.locator(".summary-count")).to_have_text(f"{len(MANY)} of {len(MANY)} processed")
    held = visit.hold_requests("**/v1/jobs?*")
    visit.page.locator("[data-preset=thumbnail]").click()
    visit.process()
    expect(visit.page.locator(".summary-count")).to_have_text(f"0 of {len(MANY)} processed, {len(MANY)} in progress")
    visit.page.get_by_role("button", name="One image", exact=True).click()
    expect(visit.page.get_by_role("region", name="Selected image")).to_be_visible()
    held.wait()
    held.release()
    expect(visit.page.locator(".summary-count")).to_have_text(f"{len(MANY)} of {len(MANY)} processed")


def _start_and_hold_uploads(visit: Visit) -> None:
    """Start a batch of which only some files reach S3."""
    visit.drop(MANY)
    expect(visit.page.locator("tbody tr[data-status=Ready]")).to_have_count(len(MANY))
    visit.page.evaluate(HOLD_UPLOADS, SENT)
    visit.process()
    expect(visit.page.locator("tbody tr[data-status=Queued]")).to_have_count(SENT)


def _list_names(site: Site) -> list[str]:
    jobs = site.http.get("jobs", params={"limit": 100}).json()["jobs"]
    return sorted(job["filename"] for job in jobs)


def _read_newest_batch(site: Site) -> dict[str, Any]:
    """Return the newest batch."""
    batch: dict[str, Any] = site.http.get("batches", params={"limit": 1}).json()["batches"][0]
    return batch
