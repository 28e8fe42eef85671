"""Options and fixtures of all tests: no AWS credentials and no settings of the machine."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this suite."""
    parser.addoption(
        "--engine",
        default="embedded",
        choices=("embedded", "localstack"),
        help="engine of the end-to-end tests; see docs/engines.md for how LocalStack is found",
    )
    parser.addoption(
        "--trusting",
        action="store_true",
        help="do not enforce signatures and roles on the embedded engine",
    )
    parser.addoption("--fault-runs", type=int, default=10_000, help="random runs with faults (default: 10,000)")
    parser.addoption("--thorough", action="store_true", help="all tests, with more jobs and requests (make test-all)")
    parser.addoption("--kill-jobs", type=int, default=120, help="jobs under random kills (make kills: 1,000)")
    parser.addoption("--fault-seed", type=int, help="run only this seed, and print all its steps")
    parser.addoption("--write-docs", action="store_true", help="write the generated pages instead of comparing them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--thorough``, leave out the tests that repeat with more cases what another test shows.

    Tests on LocalStack run only in CI, which leaves out none.
    """
    if config.getoption("--thorough") or config.getoption("--engine") == "localstack":
        return
    left_out = [item for item in items if item.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("thorough")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the results that tests recorded as ``shown``, from all processes."""
    passed: list[pytest.TestReport] = terminalreporter.stats.get("passed", [])
    shown = [str(value) for report in passed for name, value in report.user_properties if name == "shown"]
    if shown:
        terminalreporter.section("results")
        for text in shown:
            terminalreporter.write_line(text)


@pytest.fixture(autouse=True)
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove AWS and Safelight variables of the machine and set dummy credentials."""
    uses_localstack = request.config.getoption("--engine") == "localstack"
    kept = {"LOCALSTACK_ENDPOINT", "LOCALSTACK_PROGRAM", "SAFELIGHT_PORT"} if uses_localstack else set()
    for name in os.environ.keys() - kept:
        if name.startswith(("AWS_", "SAFELIGHT_", "POWERTOOLS_", "LOCALSTACK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
