"""Fixtures of the fault tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.simulator.functions import Functions


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here, so that ``-m 'not faults'`` deselects them."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def functions() -> Iterator[Functions]:
    """Return the functions on the doubles; each test opens its own world."""
    with pytest.MonkeyPatch.context() as patch:
        functions = Functions(patch)
        yield functions
        functions.close()
