"""A container for Testcontainers: the image of the embedded engine, or LocalStack with Safelight's init hook.

This module needs the package ``testcontainers`` and Docker. The pytest plugin needs neither.
"""

import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from testcontainers.core.config import ConnectionMode
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from safelight.address import API_URL_VARIABLE
from safelight.client import Safelight
from safelight.testing.local_stack import AWS_VARIABLES

#: The port in the container.
PORT: Final = 4566
#: Image of LocalStack that the project is tested with.
LOCALSTACK_IMAGE: Final = "localstack/localstack:4.14.0"
_HOOKS: Final = "/etc/localstack/init/ready.d"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})
#: The line that both images print, with the path of the API.
_READY: Final = r"Safelight is ready: (/\S+/v1)"


class SafelightContainer(DockerContainer):
    """A running stack in a container, as a context manager.

    The port is published on 127.0.0.1, because anyone who can reach it can run code in the container. If the tests run
    in a container themselves, or Docker runs on another machine, it is published on all addresses of that machine.

    ::

        with SafelightContainer() as safelight:
            job = safelight.client.wait(safelight.client.submit("photo.jpg", width=300).id)
    """

    def __init__(
        self,
        image: str | None = None,
        *,
        init_hook: Path | None = None,
        parameters: Mapping[str, str] | None = None,
        start_seconds: int = 300,
    ) -> None:
        """Prepare the container. It starts with ``start`` or a ``with`` block.

        Without arguments, it is the image that ``infra/embedded.Dockerfile`` builds, ``safelight:VERSION``. With the
        folder that ``safelight init-hook`` has written as ``init_hook``, it is LocalStack. ``parameters`` are template
        parameters; those of LocalStack are part of the hook, so both together raise ValueError.
        """
        if init_hook and parameters:
            raise ValueError("Pass the parameters to `safelight init-hook`.")
        super().__init__(image or (LOCALSTACK_IMAGE if init_hook else f"safelight:{version('safelight')}"))
        self.with_exposed_ports(PORT)
        self.waiting_for(LogMessageWaitStrategy(re.compile(_READY)).with_startup_timeout(start_seconds))
        if init_hook:
            self.with_volume_mapping(str(init_hook.absolute()), _HOOKS, "ro")
            # LocalStack runs functions in containers of their own.
            self.with_volume_mapping("/var/run/docker.sock", "/var/run/docker.sock", "rw")
        elif parameters:
            self.with_env("SAFELIGHT_PARAMETERS", " ".join(f"{name}={value}" for name, value in parameters.items()))
        self._client: Safelight | None = None

    @property
    def endpoint_url(self) -> str:
        """Return the URL of the AWS services, for ``AWS_ENDPOINT_URL``."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    @property
    def api_url(self) -> str:
        """Return the URL of the API, which ends in ``/v1``."""
        log = b"".join(self.get_logs()).decode(errors="replace")
        (path,) = re.findall(_READY, log)[-1:]
        return f"{self.endpoint_url}{path}"

    @property
    def client(self) -> Safelight:
        """Return a client of the API. It is closed when the container stops."""
        if self._client is None:
            self._client = Safelight(self.api_url)
        return self._client

    @property
    def environment(self) -> dict[str, str]:
        """Return variables with which the client, the AWS SDKs and the AWS CLI of another process use this stack."""
        return {API_URL_VARIABLE: self.api_url, "AWS_ENDPOINT_URL": self.endpoint_url, **AWS_VARIABLES}

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        """Stop and remove the container, with its data."""
        if self._client is not None:
            self._client.close()
            self._client = None
        super().stop(force=force, delete_volume=delete_volume)

    def _configure(self) -> None:
        """Choose the address of the published port. ``start`` calls this before it creates the container."""
        docker = self.get_docker_client()
        if docker.get_connection_mode() is ConnectionMode.docker_host and docker.host() in _LOOPBACK:
            ports: dict[str, Any] = self.ports  # Docker's library also accepts an address without a port
            ports[str(PORT)] = ("127.0.0.1",)
