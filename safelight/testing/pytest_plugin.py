"""The pytest plugin: the fixtures ``safelight_stack`` and ``safelight_client``.

pytest loads this module in every environment that has Safelight, so it imports the client only when a test needs it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from safelight.client import Safelight
    from safelight.testing.local_stack import LocalStack

PARAMETERS = "safelight_parameters"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting ``safelight_parameters``."""
    parser.addini(PARAMETERS, "template parameters of safelight_stack, as NAME=VALUE, one per line", type="linelist")


@pytest.fixture(scope="session")
def safelight_stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> "Iterator[LocalStack]":
    """Start a local stack for the session, without Docker, and yield it. Its data is deleted at the end."""
    from safelight.testing.local_stack import run_stack  # noqa: PLC0415 - see above

    lines = [line.partition("=") for line in pytestconfig.getini(PARAMETERS)]
    if wrong := [name for name, equals, _ in lines if not equals]:
        raise pytest.UsageError(f"{PARAMETERS} must have lines of the form NAME=VALUE, not {wrong[0]!r}.")
    parameters = {name.strip(): value.strip() for name, _, value in lines}
    with run_stack(tmp_path_factory.mktemp("safelight"), parameters) as stack:
        yield stack


@pytest.fixture
def safelight_client(safelight_stack: "LocalStack") -> "Safelight":
    """Return a client of the local stack."""
    return safelight_stack.client
