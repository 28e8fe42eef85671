"""The JavaScript of docs/upload-from-a-web-page.md with an upload token, in Chromium: what a page can do."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Page
from support import sample_images
from support.browser_page import Visit, VisitFactory
from support.running_stack import Site
from support.uppy_page import serve

from shared.jobs.part_plan import MIN_PART_BYTES as PART

JPEG = sample_images.make_jpeg()
#: A file of two parts.
LARGE = JPEG + bytes(PART + 1000 - len(JPEG))
SECTION = "Upload with fetch"
FILE = "new File([await (await fetch('/file')).blob()], 'page.jpg', {type: 'image/jpeg', lastModified: 1})"
UPLOAD = f"async () => {{ try {{ return await upload({FILE}); }} catch (error) {{ return {{...error}}; }} }}"
SUBMIT = "async () => submit(new File([await (await fetch('/file')).blob()], 'small.jpg', {type: 'image/jpeg'}))"
CALL = "async ([method, path]) => { try { return await call(method, path); } catch (error) { return {...error}; } }"


@pytest.fixture
def visit(visit_factory: VisitFactory) -> Visit:
    """Return a visit to a page that the API refuses now and then."""
    visit = visit_factory.create_visit()
    visit.expected_failures = {"net", "401", "403", "404", "429"}
    return visit


def create_token(site: Site, origin: str, **fields: Any) -> dict[str, Any]:
    """Create a token as a backend does."""
    body = {"preset": "thumbnail", "origin": origin, **fields}
    token: dict[str, Any] = site.http.post("tokens", json=body).raise_for_status().json()
    return token


def read_token(site: Site, token: Mapping[str, Any]) -> dict[str, Any]:
    """Return a token as its owner sees it."""
    found: dict[str, Any] = site.http.get(f"tokens/{token['id']}").raise_for_status().json()
    return found


def call(page: Page, method: str, path: str) -> Any:
    """Return the response that the page gets, or the error with its code."""
    return page.evaluate(CALL, [method, path])


def test_a_page_uploads_what_its_token_allows(visit: Visit, site: Site, other_port: int) -> None:
    """It uploads and reads its jobs. Then the count is used up, and the owner revokes the token."""
    token = create_token(site, f"http://127.0.0.1:{other_port}", max_files=2)
    with serve(other_port, token["url"], LARGE, SECTION, token=token["token"]) as url:
        visit.page.goto(url)
        jobs = [visit.page.evaluate(UPLOAD) for _ in range(2)]
        assert {(job["preset"]["name"], job["token_id"]) for job in jobs} == {("thumbnail", token["id"])}
        used = read_token(site, token)
        assert (used["files"], used["bytes"], used["state"]) == (2, 2 * len(LARGE), "USED_UP")
        refused = visit.page.evaluate(UPLOAD)
        assert (refused["status"], refused["code"]) == (429, "TOKEN_USED_UP")
        for method, path in (("GET", "jobs"), ("GET", "tokens"), ("DELETE", f"jobs/{jobs[0]['id']}")):
            refused = call(visit.page, method, path)
            assert (refused["status"], refused["code"]) == (403, "TOKEN_FORBIDDEN")
        assert call(visit.page, "GET", f"jobs/{jobs[0]['id']}")["id"] == jobs[0]["id"]
        site.http.delete(f"tokens/{token['id']}").raise_for_status()
        refused = call(visit.page, "GET", f"jobs/{jobs[0]['id']}")
        assert (refused["status"], refused["code"]) == (401, "TOKEN_REVOKED")
    for job in jobs:
        done = site.wait_until_done(job["id"])
        assert (done["status"], done["raw"]["size"]) == ("COMPLETED", len(LARGE))


def test_the_bytes_of_a_token_are_used_up(visit: Visit, site: Site, other_port: int) -> None:
    """Also those of files that fit into one request."""
    token = create_token(site, f"http://127.0.0.1:{other_port}", max_files=9, max_bytes=2 * len(JPEG) - 1)
    with serve(other_port, token["url"], JPEG, SECTION, token=token["token"]) as url:
        visit.page.goto(url)
        assert visit.page.evaluate(SUBMIT)["token_id"] == token["id"]
        refused = visit.page.evaluate(SUBMIT)
    assert (refused["status"], refused["code"]) == (429, "TOKEN_USED_UP")
    assert read_token(site, token)["bytes"] == len(JPEG)


def test_an_upload_of_another_token_starts_again(visit: Visit, site: Site, other_port: int) -> None:
    """The page has a new token after a reload, and remembers a job of the old one."""
    origin = f"http://127.0.0.1:{other_port}"
    old, new = create_token(site, origin), create_token(site, origin)
    job = site.create_upload(method="multipart", content_type="image/jpeg", size=len(LARGE))
    with serve(other_port, new["url"], LARGE, SECTION, token=new["token"]) as url:
        visit.page.goto(url)
        entry = f"upload page.jpg {len(LARGE)} 1"
        visit.page.evaluate("([entry, id]) => localStorage.setItem(entry, id)", [entry, job["id"]])
        uploaded = visit.page.evaluate(UPLOAD)
    assert (uploaded["token_id"], uploaded["id"] == job["id"]) == (new["id"], False)
    assert (read_token(site, old)["files"], read_token(site, new)["files"]) == (0, 1)


def test_a_page_of_another_origin_can_not_use_a_token(visit: Visit, site: Site, other_port: int) -> None:
    """The browser says where the request comes from, and shows the page nothing of the response."""
    visit.expected_texts = {"CORS policy", "Failed to load"}
    token = create_token(site, "https://other.example.com", max_files=2)
    failure = "async ([method, path]) => { try { await call(method, path); } catch (error) { return error.name; } }"
    with serve(other_port, token["url"], JPEG, SECTION, token=token["token"]) as url:
        visit.page.goto(url)
        assert visit.page.evaluate(failure, ["POST", "uploads"]) == "TypeError"
        with pytest.raises(Exception, match="Failed to fetch"):
            visit.page.evaluate(SUBMIT)
    assert read_token(site, token)["files"] == 0
