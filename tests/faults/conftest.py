"""The functions on the doubles, and how many runs to make."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.simulator.stage import Stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here, so that ``-m 'not faults'`` leaves it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Return the functions; every test opens a world of its own."""
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(patch)
        yield stage
        stage.close()
