"""What all tests share: no AWS credentials, no settings of the machine's."""

import os

import pytest
from hypothesis import HealthCheck, settings

# A busy machine makes any generator slow, which says nothing about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=(HealthCheck.too_slow,))
settings.load_profile("busy")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this suite."""
    parser.addoption(
        "--engine",
        default="embedded",
        choices=("embedded", "localstack"),
        help="what the end-to-end tests run on; docs/engines.md tells which LocalStack is found",
    )
    parser.addoption(
        "--trusting",
        action="store_true",
        help="let the embedded engine believe everyone, instead of holding each function to its role",
    )
    parser.addoption("--fault-runs", type=int, default=10_000, help="random runs with faults (default: 10,000)")
    parser.addoption("--kill-jobs", type=int, default=250, help="jobs under random kills (make kills: 1,000)")
    parser.addoption("--fault-seed", type=int, help="only the random run of this seed, with its whole story")
    parser.addoption(
        "--write-docs", action="store_true", help="write the pages that tests hold, instead of comparing them"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have found out and want shown, whichever process they ran in."""
    passed: list[pytest.TestReport] = terminalreporter.stats.get("passed", [])
    shown = [str(value) for report in passed for name, value in report.user_properties if name == "shown"]
    if shown:
        terminalreporter.section("found out")
        for text in shown:
            terminalreporter.write_line(text)


@pytest.fixture(autouse=True)
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away whatever could lead a test to a real account, and give it keys that open nothing."""
    is_wanted = request.config.getoption("--engine") == "localstack"
    kept = {"LOCALSTACK_ENDPOINT", "LOCALSTACK_PROGRAM", "SAFELIGHT_PORT"} if is_wanted else set()
    for name in os.environ.keys() - kept:
        if name.startswith(("AWS_", "SAFELIGHT_", "POWERTOOLS_", "LOCALSTACK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
