"""What all tests share: no AWS credentials, no settings of the machine's."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--engine``."""
    parser.addoption("--engine", default="embedded", help="embedded (default)")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away whatever could lead a test to a real account, and give it keys that open nothing."""
    for name in os.environ:
        if name.startswith(("AWS_", "SAFELIGHT_", "POWERTOOLS_", "LOCALSTACK_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
