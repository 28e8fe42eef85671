"""The page in a real Chromium, on an engine of its own. A console error or a broken policy fails the test."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import MISSING, chromium, find_chromium
from playwright.sync_api import Browser, expect
from support.browser_page import PATIENCE_MILLISECONDS, Desk, Visit
from support.running_stack import Site, running_site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here; leave it out visibly where there is no browser."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        if find_chromium() is None and not _is_demanded():
            item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the browser once."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)  # a busy machine is no fault of the page
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def other_port() -> int:
    """Return a port from which a page of another origin is served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def site(other_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the stack that the tests of a run share."""
    folder = tmp_path_factory.mktemp("safelight")
    yield from running_site(folder, "embedded", {"UiOrigins": f"http://127.0.0.1:{other_port}"}, environment={})


@pytest.fixture
def desk(browser: Browser, site: Site) -> Iterator[Desk]:
    """Hand out visits to the page, and look at the end what each of them had to complain of."""
    made = Desk(browser, site)
    yield made
    complaints = [each for visit in made.visits for each in visit.complaints()]
    made.close()
    assert not complaints


@pytest.fixture
def visit(desk: Desk) -> Visit:
    """Return one visit, on a wide screen."""
    return desk.visit()


def _is_demanded() -> bool:
    """Tell whether the browser's absence is a failure: in CI it is, on a user's machine the tests are skipped."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}
