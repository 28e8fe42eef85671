"""Start and stop the service ``localstack`` of docker-compose.yml."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra.deployment.packaging import SOURCE_ROOT
from infra.errors import SetupError

FILE = SOURCE_ROOT / "docker-compose.yml"
SETTINGS = SOURCE_ROOT / ".env"
SERVICE = "localstack"
PORT_VARIABLE = "SAFELIGHT_PORT"
DEFAULT_PORT = "4566"
#: Time limit, which includes the download of the image (1.2 GB).
START_SECONDS = 600
_ASK_SECONDS = 20


def find_missing() -> str:
    """Return a sentence that says what is missing to start LocalStack, or an empty string if nothing is missing."""
    if not FILE.is_file():
        return "docker-compose.yml is missing; only a checkout has it."
    if shutil.which("docker") is None:
        return "Docker is not installed."
    if not _succeeds("docker", "compose", "version"):
        return "Docker has no `compose` command; install the Compose plugin."
    if not _succeeds("docker", "info"):
        return "the Docker daemon does not answer; start it."
    return ""


def get_address() -> str:
    """Return the URL at which Compose publishes LocalStack, from the environment or ``.env``."""
    return f"http://127.0.0.1:{os.environ.get(PORT_VARIABLE) or _settings().get(PORT_VARIABLE) or DEFAULT_PORT}"


def up(extra: Mapping[str, str]) -> None:
    """Start LocalStack and wait until it is healthy.

    Raises SetupError, with Docker's last line of output, if it fails.
    """
    _compose("up", "--wait", SERVICE, extra=extra)


def down(*, volumes: bool) -> None:
    """Stop and remove the containers, and their data if ``volumes`` is true. Raises SetupError if this fails."""
    _compose("down", *(["--volumes"] if volumes else []))


def _compose(*arguments: str, extra: Mapping[str, str] | None = None) -> None:
    command = ["docker", "compose", "--file", str(FILE), *arguments]
    environment = os.environ | dict(extra or {})
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=START_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"docker compose {arguments[0]} did not end within {START_SECONDS} s.") from error
    except OSError as error:
        raise SetupError(f"docker cannot be run: {error.strerror}.") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise SetupError(f"docker compose {arguments[0]} failed: {lines[-1]}")


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=_ASK_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _settings(path: Path = SETTINGS) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}
