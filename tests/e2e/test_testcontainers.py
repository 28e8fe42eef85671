"""The class for Testcontainers, with Docker and the image of the embedded engine."""

import shutil
import subprocess
from pathlib import Path

import pytest
from testcontainers.core.config import ConnectionMode, testcontainers_config
from testcontainers.core.docker_client import DockerClient

from safelight import Safelight
from safelight.cli.demo import IMAGES_FOLDER
from safelight.testing.container import PORT, SafelightContainer
from shared.version import VERSION

IMAGE = f"safelight:{VERSION}"


def has_image(name: str) -> bool:
    """Return True if Docker is running and has an image."""
    command = ["docker", "image", "inspect", name]
    return (
        shutil.which("docker") is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not has_image(IMAGE), reason=f"no Docker, or no image {IMAGE} (infra/embedded.Dockerfile)")
def test_a_container_processes_an_image_and_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own parameters, on a port of this machine only. Its health check succeeds."""
    if not has_image(testcontainers_config.ryuk_image):  # it removes containers after a crash of the tests
        monkeypatch.setattr(testcontainers_config, "ryuk_disabled", True)
    shutil.copy(IMAGES_FOLDER / "astronaut.jpg", tmp_path / "photo.jpg")
    with SafelightContainer(parameters={"RetentionDays": "2"}, start_seconds=600) as safelight:
        identifier = safelight.get_container_id()
        job = safelight.client.wait(safelight.client.submit(tmp_path / "photo.jpg", width=300, format="webp").id)
        assert job.succeeded
        assert job.result is not None
        assert (job.result.width, job.result.format) == (300, "WEBP")
        with Safelight(safelight.environment["SAFELIGHT_API_URL"]) as other:
            assert other.status(job.id).id == job.id
        docker_client = DockerClient()
        docker = docker_client.client
        container = docker.containers.get(identifier)
        addresses = {each["HostIp"] for each in container.ports[f"{PORT}/tcp"]}
        is_local = docker_client.get_connection_mode() is ConnectionMode.docker_host
        assert not is_local or addresses == {"127.0.0.1"}
        assert container.exec_run(["python", "-m", "infra.embedded_container", "health"]).exit_code == 0
        assert container.exec_run(["id", "-u"]).output.strip() not in {b"", b"0"}
    assert identifier not in {each.id for each in docker.containers.list(all=True)}
