"""The JavaScript of docs/upload-from-a-web-page.md in Chromium, with Uppy 4 and 6, across a reload of the page."""

import os

import pytest
from playwright.sync_api import Page, Request
from support import sample_images
from support.browser_page import Visit, VisitFactory
from support.running_stack import Site, wait_until
from support.uppy_page import BUNDLE, IS_FILE_STORED, IS_STORED, ROOT, SentParts, read_script, serve

from shared.jobs.part_plan import MIN_PART_BYTES as PART

JPEG = sample_images.make_jpeg()
#: A file of two parts.
LARGE = JPEG + bytes(PART + 100_000 - len(JPEG))
SECTIONS = {"6": "Uppy 6", "4": "Uppy 4 and 5"}
#: Loads the file that the page's server has.
GET_FILE = "new File([await (await fetch('/file')).blob()], name, {type: 'image/jpeg', lastModified: 1})"
ADD_FILE = f"async (name) => uppy.addFile({{source: 'test', name, type: 'image/jpeg', data: {GET_FILE}}})"
#: Starts an upload and stores its end, without waiting.
START = "() => { uppy.upload().then((result) => { window.result = result; }); }"
#: Continues after the reload, as a click on "Resume" in Uppy's dashboard does.
CONTINUE = "() => uppy.emit('restore-confirmed')"
UPLOAD_ID = "uppy.getFiles()[0].s3Multipart?.uploadId"


@pytest.fixture(params=["6", "4"])
def version(request: pytest.FixtureRequest) -> str:
    """Return a version of Uppy. Skip the test if its bundle was not built."""
    version = str(request.param)
    if not (ROOT / "tests" / "uppy" / version / BUNDLE).exists():
        assert not os.environ.get("CI"), "run make browser THOROUGH=--thorough, which builds Uppy"
        pytest.skip("Uppy was not built; run make browser THOROUGH=--thorough")
    return version


@pytest.fixture
def visit(visit_factory: VisitFactory) -> Visit:
    """Return a visit whose page may be left while it loads."""
    visit = visit_factory.create_visit()
    visit.expected_failures = {"net"}
    return visit


def count_jobs(site: Site) -> int:
    """Return the number of jobs."""
    return len(site.http.get("jobs", params={"limit": 100}).json()["jobs"])


def check_job(site: Site, data: bytes, name: str) -> None:
    """Check that the newest job is the one of the page, and has the file."""
    job = site.wait_until_done(site.http.get("jobs", params={"limit": 1}).json()["jobs"][0]["id"])
    assert (job["status"], job["filename"], job["raw"]["size"]) == ("COMPLETED", name, len(data)), job["error"]


def test_fetch_continues_after_a_reload(visit: Visit, site: Site, other_port: int) -> None:
    """The function of the guide sends only the part that was interrupted again."""
    page, parts, before = visit.page, SentParts(held=2), count_jobs(site)
    choose = f"async (name) => {{ window.job = await upload({GET_FILE}); }}"
    with serve(other_port, site.stack.api_url, LARGE, "Upload with fetch") as url:
        parts.watch(page)
        page.goto(url)
        page.evaluate(f"(name) => {{ ({choose})(name); }}", "fetch.jpg")
        page.wait_for_function("() => Object.keys(localStorage).length === 1")
        wait_for(page, parts)
        parts.held = None
        page.reload()
        page.evaluate(choose, "fetch.jpg")
        assert page.evaluate("() => Object.keys(localStorage).length") == 0
        assert (
            page.evaluate("async () => (await submit(new File([await (await fetch('/file')).blob()], 'a'))).code")
            == "BODY_TOO_LARGE"
        )
    visit.messages = [each for each in visit.messages if "413" not in each]
    assert parts.answered == [1, 2]
    check_job(site, LARGE, "fetch.jpg")
    assert count_jobs(site) == before + 1


def test_uppy_continues_after_a_reload(visit: Visit, site: Site, other_port: int, version: str) -> None:
    """Golden Retriever restores the file, and Uppy sends only the part that was interrupted again: one job."""
    page, parts, before, name = visit.page, SentParts(held=2), count_jobs(site), f"reloaded-{version}.jpg"
    with serve(other_port, site.stack.api_url, LARGE, SECTIONS[version], uppy=version) as url:
        parts.watch(page)
        page.goto(url)
        page.evaluate(ADD_FILE, name)
        page.evaluate(START)
        wait_for(page, parts)
        upload_id = page.evaluate(UPLOAD_ID)
        assert upload_id
        page.wait_for_function(IS_STORED, arg=upload_id)
        page.wait_for_function(IS_FILE_STORED, arg=len(LARGE))
        parts.held = None
        page.reload()
        page.wait_for_function("() => uppy.getFiles().length === 1 && uppy.getFiles()[0].data")
        assert page.evaluate(UPLOAD_ID) == upload_id
        page.evaluate(CONTINUE)
        page.wait_for_function("() => uppy.getFiles()[0].progress.uploadComplete")
    assert parts.answered == [1, 2]
    check_job(site, LARGE, name)
    assert count_jobs(site) == before + 1


def test_uppy_sends_a_small_file_at_once(visit: Visit, site: Site, other_port: int, version: str) -> None:
    """With one signed PUT."""
    page, before, name = visit.page, count_jobs(site), f"single-{version}.jpg"
    puts: list[str] = []
    page.on("request", lambda each: puts.append(each.url) if each.method == "PUT" else None)
    with serve(other_port, site.stack.api_url, JPEG, SECTIONS[version], uppy=version) as url:
        page.goto(url)
        page.evaluate(ADD_FILE, name)
        page.evaluate(START)
        page.wait_for_function("() => window.result")
        assert page.evaluate("() => result.successful.length") == 1
        if version == "6":
            page.wait_for_function("() => uppy.getFiles()[0].meta.job")
            assert page.evaluate("() => uppy.getFiles()[0].meta.job.filename") == name
    assert len(puts) == 1
    check_job(site, JPEG, name)
    assert count_jobs(site) == before + 1


def test_uppy_cancels_the_job_of_a_removed_file(visit: Visit, site: Site, other_port: int, version: str) -> None:
    """And S3 has no parts of it."""
    page, parts, name = visit.page, SentParts(held=2), f"removed-{version}.jpg"
    with serve(other_port, site.stack.api_url, LARGE, SECTIONS[version], uppy=version) as url:
        parts.watch(page)
        page.goto(url)
        page.evaluate(ADD_FILE, name)
        page.evaluate(START)
        wait_for(page, parts)
        with page.expect_response(lambda each: is_abortion(each.request) and each.ok):
            page.evaluate("() => uppy.removeFile(uppy.getFiles()[0].id)")
    job = site.http.get("jobs", params={"limit": 1}).json()["jobs"][0]
    assert job["filename"] == name
    wait_until(lambda: site.job(job["id"])["status"] == "CANCELLED")
    prefix = f"raw/direct/{job['id']}"
    wait_until(lambda: "Uploads" not in site.s3.list_multipart_uploads(Bucket=site.stack.bucket, Prefix=prefix))


def test_every_section_has_its_script() -> None:
    """The tests above run what the guide shows."""
    for section in ("Upload with fetch", *SECTIONS.values()):
        assert len(read_script(section)) > len(read_script()) + 300


def is_abortion(request: Request) -> bool:
    """Return True for the request that aborts an upload: Uppy 4 sends it to the API, and Uppy 6 to S3."""
    return request.method == "DELETE" or (request.method == "POST" and request.url.endswith("/abort"))


def wait_for(page: Page, parts: SentParts) -> None:
    """Wait until the browser tries to send the held part and S3 has the first one."""
    while not (parts.is_held.is_set() and 1 in parts.answered):
        page.wait_for_timeout(20)
