"""The client in clients/typescript against the embedded engine: in Node.js, in Chromium, with Uppy and with Next.js."""

import gzip
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from playwright.sync_api import expect
from support import sample_images
from support.browser_page import HOSTILE_NAME, IMAGES, Visit, VisitFactory
from support.running_stack import HTTP_SECONDS, Site, wait_until
from support.uppy_page import BUNDLE, ROOT

from shared.jobs.part_plan import MIN_PART_BYTES

CLIENT = ROOT / "clients" / "typescript"
NEXT = CLIENT / "examples" / "nextjs"
UPPY = ROOT / "tests" / "uppy" / "6" / BUNDLE
MAX_GZIPPED = 10_000
#: Returns True if the first image is shown. A browser does not repeat the request of an image that was refused.
IS_SHOWN = """() => {
  const image = document.querySelector('picture img');
  if (image.complete && !image.naturalWidth) image.src = image.src;
  return image.naturalWidth > 0;
}"""
UPPY_PAGE = """<!doctype html><title>Uppy</title><script src="/uppy.js"></script><script type="module">
import {Safelight} from "/dist/index.js";
import {useSafelight} from "/dist/uppy.js";
const {Uppy, AwsS3} = globalThis.Bundle;
const client = new Safelight({baseUrl: new URLSearchParams(location.search).get("api")});
window.uppy = useSafelight(new Uppy(), AwsS3, client, {width: 64});
</script>"""


@pytest.fixture(autouse=True)
def built() -> None:
    """Skip the tests if the client was not built."""
    if not (CLIENT / "dist" / "index.js").exists():
        assert not os.environ.get("CI"), "run make browser, which builds the client; it needs Node.js"
        pytest.skip("the TypeScript client was not built; run make browser")


@pytest.fixture
def visit(visit_factory: VisitFactory) -> Visit:
    """Return a visit that may have a refused image."""
    visit = visit_factory.create_visit()
    visit.expected_failures = {"415", "404"}  # 404: the icon of the page
    return visit


class _Handler(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, *_: object) -> None:
        """Suppress the log."""


@contextmanager
def serve(folder: Path, port: int) -> Iterator[str]:
    """Serve a folder. Yield its URL, without a trailing slash."""
    with ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Return the output of a command. Fail the test if the command fails."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


def make_large_file(folder: Path) -> Path:
    """Write a JPEG file of three parts."""
    path, image = folder / "large.jpg", sample_images.make_jpeg()
    path.write_bytes(image + bytes(2 * MIN_PART_BYTES + 100_000 - len(image)))
    return path


def test_the_client_is_small(record_property: Callable[[str, object], None]) -> None:
    """Both modules together, and they import nothing."""
    texts = [(CLIENT / "dist" / name).read_bytes() for name in ("index.js", "uppy.js")]
    size = sum(len(gzip.compress(text)) for text in texts)
    assert size < MAX_GZIPPED
    assert not any(b"import" in text for text in texts)
    record_property("shown", f"TypeScript client: {size:,} bytes with gzip")


def test_the_types_are_generated_from_the_document(tmp_path: Path) -> None:
    """After a change of docs/openapi.json, run `npm run generate` in clients/typescript."""
    command = (CLIENT / "node_modules" / ".bin" / "openapi-typescript", ROOT / "docs" / "openapi.json")
    run(*command, "--default-non-nullable", "false", "-o", tmp_path / "schema.ts", folder=CLIENT)
    is_current = (tmp_path / "schema.ts").read_text("utf-8") == (CLIENT / "src" / "schema.ts").read_text("utf-8")
    assert is_current, "run: cd clients/typescript && npm run generate"


def test_the_client_works_in_node(site: Site, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Without a stack and with one."""
    files = sorted((CLIENT / "test").glob("*.test.mjs"))
    environment = {"SAFELIGHT_API_URL": site.stack.api_url, "SAFELIGHT_IMAGE": str(make_large_file(tmp_path))}
    output = run("node", "--test", "--test-reporter", "tap", *files, folder=CLIENT, **environment)
    assert "\n# skipped 0\n" in output
    counts = dict(line[2:].split() for line in output.splitlines() if line.startswith(("# pass", "# fail")))
    assert counts["fail"] == "0"
    record_property("shown", f"TypeScript client in Node.js: {counts['pass']} tests passed")


def test_the_example_page_shows_pictures(visit: Visit, site: Site, other_port: int, tmp_path: Path) -> None:
    """A bad file does not stop the others, and a file name with markup is text."""
    bad = tmp_path / HOSTILE_NAME
    bad.write_bytes(b"no image")
    good = tmp_path / f"{HOSTILE_NAME}.jpg"
    good.write_bytes((IMAGES / "astronaut.jpg").read_bytes())
    with serve(CLIENT, other_port) as url:
        page = visit.page
        page.goto(f"{url}/examples/page/?api={site.stack.api_url}")
        page.set_input_files("#files", [good, bad])
        expect(page.get_by_role("status")).to_have_text("1 of 2 done, 1 failed")
        expect(page.get_by_text(f"{bad.name}: UNSUPPORTED_TYPE")).to_be_visible()
        picture = page.locator("picture img")
        picture.scroll_into_view_if_needed()
        page.wait_for_function(IS_SHOWN, polling=1000)
        assert picture.get_attribute("alt") == good.stem
        assert page.evaluate("() => document.querySelector('picture img').currentSrc").endswith("-webp")
        assert page.locator("img").count() == 1
        assert [each.strip() for each in page.locator("li a").all_inner_texts()] == ["w320-webp", "w320-jpeg"]


def test_the_example_page_cancels(visit: Visit, site: Site, other_port: int, tmp_path: Path) -> None:
    """The browser sends no further part, and the job is cancelled."""
    visit.expected_failures = {"net", "404"}
    with serve(CLIENT, other_port) as url:
        page = visit.page
        page.route("**/*partNumber=*", lambda _: None)  # never answered
        page.goto(f"{url}/examples/page/?api={site.stack.api_url}")
        with page.expect_request("**/*partNumber=*"):
            page.set_input_files("#files", [make_large_file(tmp_path)])
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("status")).to_have_text("0 of 1 done, 1 failed")
        expect(page.get_by_text("large.jpg: AbortError")).to_be_visible()
    job = site.http.get("jobs", params={"limit": 1}).json()["jobs"][0]
    assert (job["filename"], job["status"]) == ("large.jpg", "CANCELLED")


@pytest.mark.thorough
def test_uppy_sends_its_files(visit: Visit, site: Site, other_port: int, tmp_path: Path) -> None:
    """A small file with one request, and a large one in parts."""
    if not UPPY.exists():
        assert not os.environ.get("CI"), "run make browser THOROUGH=--thorough, which builds Uppy"
        pytest.skip("Uppy was not built; run make browser THOROUGH=--thorough")
    (tmp_path / "index.html").write_text(UPPY_PAGE, "utf-8")
    shutil.copytree(CLIENT / "dist", tmp_path / "dist")
    shutil.copy(UPPY, tmp_path / "uppy.js")
    (tmp_path / "small.jpg").write_bytes(sample_images.make_jpeg())
    make_large_file(tmp_path)
    add = """async (name) => {
      const data = new File([await (await fetch(name)).blob()], name, {type: "image/jpeg"});
      uppy.addFile({source: "test", name, type: "image/jpeg", data});
    }"""
    with serve(tmp_path, other_port) as url:
        page = visit.page
        page.goto(f"{url}/?api={site.stack.api_url}")
        page.wait_for_function("() => window.uppy")
        for name in ("small.jpg", "large.jpg"):
            page.evaluate(add, name)
        page.evaluate("() => { uppy.upload(); }")
        page.wait_for_function("() => uppy.getFiles().every((file) => file.meta.job)")
        jobs = page.evaluate("() => uppy.getFiles().map((file) => file.meta.job)")
    for job in jobs:
        done = site.wait_until_done(job["id"])
        assert (done["status"], done["size"] is not None) == ("COMPLETED", True)
    assert [job["filename"] for job in jobs] == ["small.jpg", "large.jpg"]


@pytest.mark.thorough
def test_the_nextjs_example_builds_and_works(visit: Visit, site: Site, other_port: int) -> None:
    """The route of the server forwards the requests of the page, and no others."""
    if not (NEXT / "node_modules" / "next").exists():
        assert not os.environ.get("CI"), "run make test-all, which installs Next.js"
        pytest.skip("Next.js is not installed")
    environment = {"NEXT_TELEMETRY_DISABLED": "1", "SAFELIGHT_URL": site.stack.api_url}
    run("npm", "run", "build", folder=NEXT, **environment)
    command = (NEXT / "node_modules" / ".bin" / "next", "start", "--hostname", "127.0.0.1", "--port", str(other_port))
    url = f"http://127.0.0.1:{other_port}"
    with subprocess.Popen(command, cwd=NEXT, env=os.environ | environment, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: is_up(url))
            assert httpx.get(f"{url}/api/safelight/jobs", timeout=HTTP_SECONDS, trust_env=False).status_code == 404
            page = visit.page
            page.goto(url)
            page.set_input_files("input[type=file]", [IMAGES / "astronaut.jpg", IMAGES / "cat.webp"])
            expect(page.get_by_role("status")).to_have_text("2 of 2 done, 0 failed")
            page.wait_for_function("() => document.querySelectorAll('picture img').length === 2")
            page.locator("picture img").first.scroll_into_view_if_needed()
            page.wait_for_function(IS_SHOWN, polling=1000)
        finally:
            server.terminate()


def is_up(url: str) -> bool:
    """Return True if a server answers."""
    try:
        return httpx.get(url, timeout=HTTP_SECONDS, trust_env=False).is_success
    except httpx.TransportError:
        return False
