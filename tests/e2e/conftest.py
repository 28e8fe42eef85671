"""An engine of its own for each test run, the real template on it, and real HTTP to it.

``--engine`` says which: ``embedded`` (the default) is started on a free port with its state in a
temporary folder, so that runs beside each other never meet; ``localstack`` is the one at LOCALSTACK_ENDPOINT,
or that of docker-compose.yml, and the stack on it has a name of its own.
"""

import json
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from support.running_stack import Site, running_site

from infra.engines import compose, localstack
from infra.faults import SetupFault


def pytest_configure(config: pytest.Config) -> None:
    """Say once what is missing, instead of letting each test fail of it."""
    if config.getoption("--engine") != "localstack":
        return
    try:
        missing = localstack.find() is None and compose.missing()
    except SetupFault as fault:
        missing = str(fault)
    if missing:
        raise pytest.UsageError(f"There is no LocalStack to test on: {missing}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark everything here, so that ``-m 'not e2e'`` leaves it out; skip what the engine can't do."""
    engine = config.getoption("--engine")
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.e2e)
        if item.get_closest_marker("localstack") and engine != "localstack":
            item.add_marker(pytest.mark.skip(reason="only for LocalStack"))
        for mark in item.iter_markers("not_on"):
            if mark.args == (engine,):
                item.add_marker(pytest.mark.skip(reason=f"not on {engine}: {mark.kwargs['reason']}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what the functions complained of beside a failure: the stack is gone when somebody reads it."""
    report = yield
    found = getattr(item, "funcargs", {}).get("site")
    if call.when == "call" and report.failed and isinstance(found, Site):
        for role in found.stack.functions:
            complaints = [json.loads(line) for line in found.log_lines(role) if '"level":"ERROR"' in line]
            told = [f"{each['timestamp']} {each.get('code')} {each.get('exception', '')[-300:]}" for each in complaints]
            if told:
                report.sections.append((f"last errors of {role}", "\n".join(told[-5:])))
    return report


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of the engine."""
    return str(request.config.getoption("--engine"))


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the stack that the tests of a run share; none changes what another relies on.

    On the embedded engine each function may do what its role allows and nothing else, unless ``--trusting``.
    """
    environment: dict[str, str] | None = {} if request.config.getoption("--trusting") else None
    yield from running_site(tmp_path_factory.mktemp("safelight"), engine, environment=environment)
