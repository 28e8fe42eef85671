"""The container for Testcontainers, on a double of that library, because tests need no Docker."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import safelight

LOG = (
    b"deploying\nSafelight is ready: /_aws/execute-api/old/prod/v1\nSafelight is ready: /_aws/execute-api/new/prod/v1\n"
)


class Container:
    """What the module uses of ``testcontainers.core.container.DockerContainer``."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.ports: list[int] = []
        self.volumes: dict[str, tuple[str, str]] = {}
        self.variables: dict[str, str] = {}
        self.is_running = False

    def with_exposed_ports(self, *ports: int) -> None:
        """Expose ports."""
        self.ports += ports

    def with_volume_mapping(self, host: str, container: str, mode: str) -> None:
        """Mount a folder."""
        self.volumes[container] = host, mode

    def with_env(self, name: str, value: str) -> None:
        """Set a variable."""
        self.variables[name] = value

    def waiting_for(self, strategy: Any) -> None:
        """Set the condition for the end of ``start``."""
        self.strategy = strategy

    def start(self) -> None:
        """Start, and wait for the log."""
        assert self.strategy.pattern.search(LOG.decode())
        self.is_running = True

    def stop(self, force: bool, delete_volume: bool) -> None:
        """Stop and remove the container."""
        assert force
        assert delete_volume
        self.is_running = False

    def __exit__(self, *_: object) -> None:
        self.stop(force=True, delete_volume=True)

    def get_logs(self) -> tuple[bytes, bytes]:
        """Return standard output and standard error."""
        return LOG, b""

    def get_container_host_ip(self) -> str:
        """Return the host of published ports."""
        return "localhost"

    def get_exposed_port(self, port: int) -> int:
        """Return the published port."""
        assert port in self.ports
        return 49153


class Strategy:
    """What the module uses of ``LogMessageWaitStrategy``."""

    def __init__(self, pattern: Any) -> None:
        self.pattern = pattern

    def with_startup_timeout(self, _seconds: int) -> "Strategy":
        """Set the time limit."""
        return self


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the class on the double."""
    doubles: dict[str, dict[str, Any]] = {
        "testcontainers.core.container": {"DockerContainer": Container},
        "testcontainers.core.wait_strategies": {"LogMessageWaitStrategy": Strategy},
    }
    for name in ("testcontainers", "testcontainers.core"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for name, members in doubles.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "safelight.testing.container", raising=False)
    yield importlib.import_module("safelight.testing.container").SafelightContainer
    sys.modules.pop("safelight.testing.container", None)


def test_addresses_lead_to_the_published_port(container: Any) -> None:
    """With the path of the last start, which the log has."""
    with container(parameters={"RetentionDays": "1", "LinkSeconds": "60"}) as running:
        assert running.is_running
        assert running.image == f"safelight:{safelight.__version__}"
        assert running.variables == {"SAFELIGHT_PARAMETERS": "RetentionDays=1 LinkSeconds=60"}
        assert running.api_url == "http://localhost:49153/_aws/execute-api/new/prod/v1"
        assert running.environment["AWS_ENDPOINT_URL"] == "http://localhost:49153"
        assert running.environment["SAFELIGHT_API_URL"] == running.api_url
        client = running.client
        assert client is running.client
    assert not running.is_running


def test_an_init_hook_runs_on_localstack(container: Any, tmp_path: Path) -> None:
    """Which mounts the folder read-only where it looks for hooks."""
    prepared = container(init_hook=tmp_path)
    assert prepared.image.startswith("localstack/localstack:")
    assert prepared.volumes["/etc/localstack/init/ready.d"] == (str(tmp_path), "ro")
    with pytest.raises(ValueError, match="init-hook"):
        container(init_hook=tmp_path, parameters={"RetentionDays": "1"})
