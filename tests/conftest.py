"""What all tests share: no AWS credentials, no settings of the machine's."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--engine``."""
    parser.addoption(
        "--engine",
        default="embedded",
        choices=("embedded", "localstack"),
        help="what the end-to-end tests run on; docs/engines.md tells which LocalStack is found",
    )


@pytest.fixture(autouse=True)
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away whatever could lead a test to a real account, and give it keys that open nothing."""
    is_wanted = request.config.getoption("--engine") == "localstack"
    kept = {"LOCALSTACK_ENDPOINT", "SAFELIGHT_PORT"} if is_wanted else set()
    for name in os.environ.keys() - kept:
        if name.startswith(("AWS_", "SAFELIGHT_", "POWERTOOLS_", "LOCALSTACK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
