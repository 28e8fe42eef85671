"""The container for Testcontainers on a double of Docker. tests/e2e/test_testcontainers.py runs the real image."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from testcontainers.core import container as library
from testcontainers.core.config import ConnectionMode, testcontainers_config

import safelight
from safelight.testing.container import SafelightContainer

LOG = (
    b"deploying\nSafelight is ready: /_aws/execute-api/old/prod/v1\nSafelight is ready: /_aws/execute-api/new/prod/v1\n"
)


class Running:
    """What the library uses of a container of Docker's library."""

    id = short_id = "c0ffee"
    status = "running"

    def __init__(self, log: bytes) -> None:
        self.log = log
        self.is_removed = False
        self.attrs: dict[str, Any] = {"State": {"Status": self.status}}

    def logs(self, *, stdout: bool = True, stderr: bool = True) -> bytes:
        """Return standard output."""
        assert stdout or stderr
        return self.log if stdout else b""

    def reload(self) -> None:
        """Read the state again."""

    def remove(self, *, force: bool, v: bool) -> None:
        """Remove the container with its volumes."""
        assert force
        assert v
        self.is_removed = True


class Docker:
    """What the library uses of Docker: one client for each container."""

    mode = ConnectionMode.docker_host
    address = "localhost"
    log = LOG
    clients: ClassVar[list["Docker"]]

    def __init__(self) -> None:
        self.client = SimpleNamespace(close=lambda: None)
        self.running = Running(self.log)
        self.created: dict[str, Any] = {}
        self.clients.append(self)

    def create(self, image: str, **options: Any) -> Running:
        """Create the container."""
        self.created = {"image": image, **options}
        return self.running

    def start(self, container: Running) -> None:
        """Start the container, unless its log says that the program cannot start."""
        assert container is self.running
        if not container.log:
            raise RuntimeError("no such program")

    def get_connection_mode(self) -> ConnectionMode:
        """Return how tests reach the container."""
        return self.mode

    def host(self) -> str:
        """Return the host of published ports."""
        return self.address

    def gateway_ip(self, _container: str) -> str:
        """Return the address of the host in a container's network."""
        return "172.17.0.1"

    def port(self, container: str, port: int) -> int:
        """Return the published port."""
        assert (container, port) == (Running.id, 4566)
        return 49153


@pytest.fixture(autouse=True)
def docker(monkeypatch: pytest.MonkeyPatch) -> type[Docker]:
    """Return the double."""
    double = type("Docker", (Docker,), {"clients": []})
    monkeypatch.setattr(library, "DockerClient", double)
    monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    return double


def test_addresses_lead_to_the_published_port(docker: type[Docker]) -> None:
    """With the path of the last start, which the log has. Only this machine reaches the port."""
    with SafelightContainer(parameters={"RetentionDays": "1", "LinkSeconds": "60"}) as running:
        created = docker.clients[0].created
        assert created["image"] == f"safelight:{safelight.__version__}"
        assert created["environment"] == {"SAFELIGHT_PARAMETERS": "RetentionDays=1 LinkSeconds=60"}
        assert created["ports"] == {"4566": ("127.0.0.1",)}
        assert running.api_url == "http://localhost:49153/_aws/execute-api/new/prod/v1"
        assert running.environment["AWS_ENDPOINT_URL"] == "http://localhost:49153"
        assert running.environment["SAFELIGHT_API_URL"] == running.api_url
        client = running.client
        assert client is running.client
    assert docker.clients[0].running.is_removed


@pytest.mark.parametrize(
    ("mode", "address"), [(ConnectionMode.gateway_ip, "localhost"), (ConnectionMode.docker_host, "ci.example.com")]
)
def test_tests_on_another_host_reach_the_port(docker: type[Docker], mode: ConnectionMode, address: str) -> None:
    """From a container beside it, or with Docker on another machine, the port of 127.0.0.1 could not be reached."""
    docker.mode, docker.address = mode, address
    with SafelightContainer() as running:
        assert docker.clients[0].created["ports"] == {"4566": None}
        assert running.endpoint_url in {"http://172.17.0.1:49153", "http://ci.example.com:49153"}


def test_a_container_that_does_not_start_is_removed(docker: type[Docker]) -> None:
    """The ``with`` block leaves nothing behind."""
    docker.log = b""
    with pytest.raises(RuntimeError, match="no such program"), SafelightContainer():
        pytest.fail("it did not start")
    assert docker.clients[0].running.is_removed


def test_an_init_hook_runs_on_localstack(docker: type[Docker], tmp_path: Path) -> None:
    """Which mounts the folder read-only where it looks for hooks."""
    with SafelightContainer(init_hook=tmp_path):
        created = docker.clients[0].created
        assert created["image"].startswith("localstack/localstack:")
        assert created["volumes"][str(tmp_path)] == {"bind": "/etc/localstack/init/ready.d", "mode": "ro"}
    with pytest.raises(ValueError, match="init-hook"):
        SafelightContainer(init_hook=tmp_path, parameters={"RetentionDays": "1"})
