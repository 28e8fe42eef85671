"""Fixtures of the fault tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.simulator.functions import Functions
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.stage import Stage
from support import slow_machines  # noqa: F401 - settings of hypothesis


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here, so that ``-m 'not faults'`` deselects them."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def built_functions() -> Functions:
    """Return the functions on the doubles, not installed."""
    return Functions()


@pytest.fixture
def functions(built_functions: Functions) -> Iterator[Functions]:
    """Install the functions on the doubles; each test opens its own world."""
    with built_functions.install():
        yield built_functions


@pytest.fixture
def stage(functions: Functions) -> Iterator[Stage]:
    """Return a new world. Its invariants must hold at the end."""
    functions.open()
    made = Stage(functions, LambdaPlatform(functions))
    yield made
    made.world.kill_all()
    assert not made.world.watch.breaches
