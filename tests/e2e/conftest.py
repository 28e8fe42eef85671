"""Fixtures of the end-to-end tests: an engine, a stack from the real template, and HTTP to it.

``--engine`` selects the engine. ``embedded`` (the default) starts on a free port with its state in a temporary folder,
so parallel runs are independent. ``localstack`` is the one at LOCALSTACK_ENDPOINT or that of docker-compose.yml; its
stack has a unique name.
"""

import json
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from support.running_stack import Site, run_site

from infra.engines import compose, localstack
from infra.errors import SetupError


def pytest_configure(config: pytest.Config) -> None:
    """Raise UsageError once if LocalStack is missing, instead of failing every test."""
    if config.getoption("--engine") != "localstack":
        return
    try:
        missing = localstack.find_running() is None and compose.find_missing()
    except SetupError as fault:
        missing = str(fault)
    if missing:
        raise pytest.UsageError(f"LocalStack is not available: {missing}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all tests of this folder as e2e and skip those that the engine does not support."""
    engine = config.getoption("--engine")
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.e2e)
        if item.get_closest_marker("localstack") and engine != "localstack":
            item.add_marker(pytest.mark.skip(reason="only for LocalStack"))
        for mark in item.iter_markers("not_on"):
            if mark.args[0] == engine:
                item.add_marker(pytest.mark.skip(reason=f"not on {engine}: {mark.kwargs['reason']}"))
    # Files with injected faults take longest. Start them first, so that no process works alone at the end.
    slow = {item.path for item in items if item.get_closest_marker("faults")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last logged errors of the functions to the report of a failed test."""
    report = yield
    site = getattr(item, "funcargs", {}).get("site")
    if call.when == "call" and report.failed and isinstance(site, Site):
        for role in site.stack.functions:
            if lines := _read_errors(site, role):
                report.sections.append((f"last errors of {role}", "\n".join(lines[-5:])))
    return report


def _read_errors(site: Site, role: str) -> list[str]:
    """Return the logged errors of a function, or why they can't be read: an exception here would end the whole run."""
    try:
        errors = [json.loads(line[line.index("{") :]) for line in site.read_log(role) if '"level":"ERROR"' in line]
    except (BotoCoreError, ClientError, ValueError) as error:
        return [repr(error)]
    return [f"{each.get('timestamp')} {each.get('code')} {each.get('exception', '')[-300:]}" for each in errors]


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of the engine."""
    return str(request.config.getoption("--engine"))


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield the stack that all tests of a run share; tests must not change what others use.

    Unless ``--trusting`` is set, the embedded engine enforces the role of each function.
    """
    environment: dict[str, str] | None = {} if request.config.getoption("--trusting") else None
    yield from run_site(tmp_path_factory.mktemp("safelight"), engine, environment=environment)
