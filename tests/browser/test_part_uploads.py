"""Uploads of large files on the web page, which continue at the parts that S3 does not have."""

import base64
import hashlib
import re
from http import HTTPStatus
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from support import sample_images
from support.browser_page import TIMEOUT_MILLISECONDS, Visit, VisitFactory, read_image
from support.running_stack import Site, wait_until
from support.uppy_page import SentParts

JPEG = sample_images.make_jpeg()
#: A file of four parts: the smallest that is sent in parts, and some bytes.
SIZE = 16 * 1024 * 1024 + 100_000
LARGE = JPEG + bytes(SIZE - len(JPEG))
PARTS = [1, 2, 3, 4]
#: The parts that the page sends if only the held one is sent again.
ONE_AGAIN = [1, 2, 2, 3, 4]
DROP = """({name, head, size}) => {
  const bytes = Uint8Array.from(atob(head), (each) => each.charCodeAt(0));
  const file = new File([bytes, new Uint8Array(size - bytes.length)], name, {type: "image/jpeg", lastModified: 1});
  const transfer = new DataTransfer();
  transfer.items.add(file);
  document.body.dispatchEvent(new DragEvent("drop", {bubbles: true, dataTransfer: transfer}));
}"""
COUNT_SAVED_UPLOADS = "() => Object.keys(localStorage).filter((each) => each.startsWith('safelight-upload')).length"


@pytest.fixture
def visit(visit_factory: VisitFactory) -> Visit:
    """Return a visit whose page may be left while it sends."""
    visit = visit_factory.create_visit()
    visit.expected_failures = {"net"}
    visit.confirms_leaving = True
    return visit


def test_reload_continues_with_the_missing_part(visit: Visit, site: Site) -> None:
    """Without another click. The job that the page had created gets the file."""
    parts = hold_second_part(visit, "reloaded.jpg")
    parts.held = None
    visit.page.reload()
    visit.expect_status("reloaded.jpg", "Processed")
    assert sorted(parts.started) == ONE_AGAIN
    check_job(site, "reloaded.jpg")
    wait_until(lambda: visit.page.evaluate(COUNT_SAVED_UPLOADS) == 0)
    visit.page.reload()
    visit.expect_status("reloaded.jpg", "Processed")
    expect(visit.page.locator(".frame")).to_have_count(1)


@pytest.mark.parametrize("path", ["uploads", "complete"])
def test_lost_answer_creates_no_second_job(visit: Visit, site: Site, path: str) -> None:
    """The page is left before it has the answer to the request that creates the job, or that completes the upload."""
    name, parts, lost = f"lost-{path}.jpg", SentParts(), list[str]()
    visit.expected_failures |= {"409"}  # the completed upload awaits no parts

    def lose_answer(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            response = route.fetch(timeout=TIMEOUT_MILLISECONDS)
            if not response.ok:  # the page sends the request again
                route.fulfill(response=response)
                return
            lost.append(route.request.url)  # never answered: the reload of the page ends it
        else:
            route.fallback()

    parts.watch(visit.page)
    visit.page.route(re.compile(f"/{path}$"), lose_answer)
    visit.open()
    drop(visit, name)
    visit.process()
    while not lost:
        visit.page.wait_for_timeout(20)
    visit.page.reload()
    visit.expect_status(name, "Processed")
    assert sorted(parts.started) == PARTS
    check_job(site, name)


def test_new_job_after_the_interrupted_one_was_deleted(visit: Visit, site: Site) -> None:
    """Its parts are gone, so the whole file is sent."""
    parts = hold_second_part(visit, "deleted.jpg")
    parts.held = None
    (job,) = find_jobs(site, "deleted.jpg")
    assert site.http.delete(f"jobs/{job['id']}").is_success
    visit.expected_failures |= {"404", "409"}
    visit.page.reload()
    visit.expect_status("deleted.jpg", "Processed")
    assert check_job(site, "deleted.jpg")["id"] != job["id"]


def test_same_file_twice_gets_two_jobs(visit: Visit, site: Site) -> None:
    """The second one waits for the end of the first one. After a reload, it is ready, because it was not sent."""
    parts = SentParts(held=2)
    parts.watch(visit.page)
    visit.open()
    drop(visit, "twice.jpg")
    drop(visit, "twice.jpg", count=2)
    visit.process()
    wait_for_second_part(visit, parts)
    parts.held = None
    visit.page.reload()
    expect(visit.page.locator(".frame[data-status=Processed]")).to_have_count(1)
    expect(visit.page.locator(".frame[data-status=Ready]")).to_have_count(1)
    check_job(site, "twice.jpg")
    visit.process()
    expect(visit.page.locator(".frame[data-status=Processed]")).to_have_count(2)
    assert [job["status"] for job in find_jobs(site, "twice.jpg")] == ["COMPLETED", "COMPLETED"]
    assert sorted(parts.started) == sorted([*ONE_AGAIN, *PARTS])


def test_same_file_continues_in_another_tab(visit: Visit, site: Site) -> None:
    """The tab was closed. The user drops the file again, and only the missing part is sent."""
    parts = hold_second_part(visit, "dropped-again.jpg")
    parts.held = None
    open_another_tab(visit)
    parts.watch(visit.page)
    visit.open()
    drop(visit, "dropped-again.jpg")
    visit.expect_status("dropped-again.jpg", "Ready")
    visit.process()
    visit.expect_status("dropped-again.jpg", "Processed")
    assert sorted(parts.started) == ONE_AGAIN
    check_job(site, "dropped-again.jpg")


def test_same_file_with_another_recipe_is_sent_again(visit: Visit, site: Site) -> None:
    """The interrupted upload, which has the other recipe, is aborted."""
    parts = hold_second_part(visit, "recipe.jpg")
    parts.held = None
    open_another_tab(visit)
    visit.open()
    visit.use_default_recipe()
    drop(visit, "recipe.jpg")
    visit.process()
    visit.expect_status("recipe.jpg", "Processed")
    newest, oldest = find_jobs(site, "recipe.jpg")
    assert (newest["status"], oldest["status"]) == ("COMPLETED", "CANCELLED")
    assert newest["preset"]["name"] == "default"
    assert "Uploads" not in list_uploads(site, oldest)


def test_cancel_aborts_the_upload(visit: Visit, site: Site) -> None:
    """S3 has no parts of it. If the image is processed again, it gets another job. A part that fails is sent again."""
    parts = hold_second_part(visit, "stopped.jpg")
    with visit.page.expect_response(lambda each: each.url.endswith("/abort") and each.ok):
        visit.page.get_by_role("button", name="Cancel stopped.jpg").click()
    visit.expect_status("stopped.jpg", "Ready")
    (job,) = find_jobs(site, "stopped.jpg")
    assert job["status"] == "CANCELLED"
    assert "Uploads" not in list_uploads(site, job)

    parts.held = None
    visit.expected_failures |= {"503"}
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if route.request.method == "PUT" and not refused:
            refused.append(route.request.url)
            route.fulfill(status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Access-Control-Allow-Origin": "*"})
        else:
            route.fallback()

    visit.page.route(re.compile("partNumber=3"), refuse_once)
    visit.process()
    visit.expect_status("stopped.jpg", "Processed")
    assert refused
    newest, oldest = find_jobs(site, "stopped.jpg")
    assert (newest["status"], oldest["status"]) == ("COMPLETED", "CANCELLED")


def test_batch_continues_after_a_reload(visit: Visit, site: Site) -> None:
    """A large image of a batch stays its member."""
    parts = SentParts(held=2)
    parts.watch(visit.page)
    visit.open()
    visit.drop({"member.png": read_image("clock-small.png")})
    drop(visit, "large-member.jpg")
    visit.page.get_by_label("as one batch").check()
    visit.process()
    wait_for_second_part(visit, parts)
    visit.expect_status("member.png", "Processed")
    parts.held = None
    visit.page.reload()
    visit.expect_status("large-member.jpg", "Processed")
    assert sorted(parts.started) == ONE_AGAIN
    path = f"batches/{check_job(site, 'large-member.jpg')['batch_id']}"
    wait_until(lambda: site.http.get(path).json()["closed"])  # by the page, while it sends the part
    batch = site.http.get(path).json()
    assert (batch["total"], batch["done"]) == (2, True)


def drop(visit: Visit, name: str, *, count: int = 1) -> None:
    """Drop a large file onto the page, which then shows ``count`` of this name."""
    head = base64.b64encode(JPEG).decode()
    visit.page.evaluate(DROP, {"name": name, "head": head, "size": SIZE})
    expect(visit.find_card(name)).to_have_count(count)


def hold_second_part(visit: Visit, name: str) -> SentParts:
    """Send a large file until S3 has all parts but the second, which the browser tries to send."""
    parts = SentParts(held=2)
    parts.watch(visit.page)
    visit.open()
    drop(visit, name)
    visit.process()
    wait_for_second_part(visit, parts)
    return parts


def wait_for_second_part(visit: Visit, parts: SentParts) -> None:
    """Wait until S3 has all parts but the second."""
    while not (parts.is_held.is_set() and {1, 3, 4} <= set(parts.answered)):
        visit.page.wait_for_timeout(20)


def open_another_tab(visit: Visit) -> None:
    """Close the tab of a visit, and continue in another one."""
    visit.page.goto("about:blank")  # ends the held request, which the browser would send when the tab is closed
    visit.page.close()
    visit.page = visit.context.new_page()
    visit.page.on("console", visit.record_message)
    visit.page.on("dialog", visit.dismiss_dialog)


def find_jobs(site: Site, name: str) -> list[dict[str, Any]]:
    """Return the jobs of a file, newest first."""
    return [job for job in site.http.get("jobs", params={"limit": 100}).json()["jobs"] if job["filename"] == name]


def check_job(site: Site, name: str) -> dict[str, Any]:
    """Return the only job of a large file, after a check that it has the bytes of this file."""
    (job,) = find_jobs(site, name)
    assert (job["status"], job["raw"]["size"]) == ("COMPLETED", SIZE)
    original = site.http.get(f"jobs/{job['id']}/raw", follow_redirects=True).content
    assert hashlib.sha256(original).hexdigest() == hashlib.sha256(LARGE).hexdigest()
    return job


def list_uploads(site: Site, job: dict[str, Any]) -> dict[str, Any]:
    """Return what S3 lists as unfinished uploads of a job."""
    return dict(site.s3.list_multipart_uploads(Bucket=site.stack.bucket, Prefix=f"raw/direct/{job['id']}"))
