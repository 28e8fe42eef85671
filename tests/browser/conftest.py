"""Fixtures for the web page in Chromium and Firefox, with its own engine.

Console errors and policy violations fail a test.
"""

import os
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from chromium import MISSING, find_chromium, launch_chromium
from playwright.sync_api import Browser, Playwright, expect, sync_playwright
from support import firefox
from support.browser_page import TIMEOUT_MILLISECONDS, Visit, VisitFactory
from support.closed_port import get_port, hold_port
from support.running_stack import HTTP_SECONDS, PatientTransport, Site, run_site

#: The files that run without ``--thorough``: a whole use of the page, sign-in, downloads, and the TypeScript client.
QUICK = {
    "test_archives.py",
    "test_session.py",
    "test_stories.py",
    "test_typescript_client.py",
    "test_workflow.py",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and skip those whose browser is missing."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        if item.path.name not in QUICK:
            item.add_marker(pytest.mark.thorough)
        if reason := _find_missing(_get_browser_name(item)):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Start Playwright."""
    expect.set_options(timeout=TIMEOUT_MILLISECONDS)  # a busy machine is not a fault of the page
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium_browser(playwright: Playwright) -> Iterator[Browser]:
    """Start Chromium once per session."""
    browser = launch_chromium(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which Firefox saves downloads."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def firefox_browser(playwright: Playwright, downloads: Path) -> Iterator[Browser]:
    """Start Firefox once per session."""
    browser = firefox.launch_firefox(playwright, downloads)
    yield browser
    browser.close()


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Browser:
    """Return Chromium, or the browser that the parameter of the test names."""
    started: Browser = request.getfixturevalue(f"{getattr(request, 'param', 'chromium')}_browser")
    return started


@pytest.fixture(scope="session")
def other_port() -> Iterator[int]:
    """Return a port for a page with another origin. No other process gets it between two tests."""
    with hold_port() as holder:
        yield get_port(holder)


@pytest.fixture(scope="session")
def shared_site(other_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start the stack that all browser tests share."""
    folder = tmp_path_factory.mktemp("safelight")
    for site in run_site(folder, "embedded", {"UiOrigins": f"http://127.0.0.1:{other_port}"}, environment={}):
        transport = PatientTransport(trust_env=False)
        with httpx.Client(base_url=site.http.base_url, timeout=HTTP_SECONDS, transport=transport) as client:
            site.http = client
            yield site


@pytest.fixture
def site(shared_site: Site) -> Site:
    """Return the stack without the jobs, presets and assets of other tests, which the page would show too."""
    http = shared_site.http
    while jobs := http.get("jobs").raise_for_status().json()["jobs"]:
        for job in jobs:
            _delete(http, f"jobs/{job['id']}")
    for kind in ("presets", "assets"):
        for each in http.get(kind).raise_for_status().json()[kind]:
            if not each.get("built_in"):
                _delete(http, f"{kind}/{each['name']}")
    return shared_site


def _delete(http: httpx.Client, path: str) -> None:
    """Delete what the page of another test may have deleted meanwhile: it does so also while it is closed."""
    response = http.delete(path)
    if response.status_code != HTTPStatus.NOT_FOUND:
        response.raise_for_status()


@pytest.fixture
def visit_factory(browser: Browser, site: Site, downloads: Path) -> Iterator[VisitFactory]:
    """Create visits to the page. Fail the test if a visit logged an unexpected error."""
    factory = VisitFactory(browser, site, downloads)
    yield factory
    errors = [each for visit in factory.visits for each in visit.list_errors()]
    factory.close()
    assert not errors


@pytest.fixture
def visit(visit_factory: VisitFactory) -> Visit:
    """Return a visit with a wide screen."""
    return visit_factory.create_visit()


def _get_browser_name(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    return str(call.params.get("browser", "chromium")) if call else "chromium"


def _find_missing(browser: str) -> str | None:
    """Return why a test must be skipped, or None. In CI, a missing browser is a failure."""
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        return None
    if browser == "firefox":
        return None if firefox.find_firefox() else firefox.MISSING
    return None if find_chromium() else MISSING
