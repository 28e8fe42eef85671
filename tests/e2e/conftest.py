"""An engine of its own for each test run, the real template on it, and real HTTP to it.

``--engine`` says which: ``embedded`` (the default) is started on a free port with its state in a
temporary folder, so that runs beside each other never meet.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_site import Site, running_site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here, so that ``-m 'not e2e'`` leaves it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the stack that the tests of a run share; none changes what another relies on."""
    yield from running_site(tmp_path_factory.mktemp("safelight"), request.config.getoption("--engine"))
