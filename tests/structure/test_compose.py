"""docker-compose.yml, its settings and its Dockerfile, read as text: Docker is not needed."""

import importlib
import importlib.util
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.source_files import list_files

from infra import embedded_container
from infra.deployment.packaging import FUNCTION_PACKAGES
from infra.deployment.wheels import PYTHON_VERSION
from infra.engines import compose, launch, localstack
from infra.engines.record import VERSION

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
ENGINES = ("localstack", "ministack")
VARIABLES = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))


def example() -> dict[str, str]:
    """Return the settings of .env.example."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_env_example_has_every_setting_with_its_default() -> None:
    """.env.example has exactly the variables that docker-compose.yml reads, with the same defaults."""
    assert example() == VARIABLES


def test_every_setting_is_explained() -> None:
    """Each setting of .env.example has a comment above it."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    for before, line in itertools.pairwise(lines):
        assert "=" not in line or line.startswith("#") or before.startswith("#"), line


def test_images_are_pinned() -> None:
    """No image is `latest` or untagged, and the releases are the tested ones."""
    images = {name: value for name, value in VARIABLES.items() if name.endswith("_IMAGE")}
    assert images["LOCALSTACK_IMAGE"] == f"localstack/localstack:{localstack.VERSION}"
    assert images["MINISTACK_IMAGE"].endswith(f":{VERSION}")
    assert images["PYTHON_IMAGE"].startswith(f"python:{PYTHON_VERSION}")
    assert images["LAMBDA_IMAGE"].endswith(f":{PYTHON_VERSION}")
    assert not [image for image in images.values() if ":" not in image or image.endswith(":latest")]


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_are_published_on_loopback_only(engine: str) -> None:
    """Anyone who reaches an engine can run code on this machine."""
    ports = SERVICES[engine]["ports"]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_only_engines_get_the_docker_socket() -> None:
    """The socket gives root on the host, so only engines that start containers have it."""
    holders = {
        name for name, service in SERVICES.items() if any("docker.sock" in v for v in service.get("volumes", []))
    }
    assert holders == set(ENGINES)


@pytest.mark.parametrize(("service", "engine"), [("deploy", "localstack"), ("deploy-to-ministack", "ministack")])
def test_deployment_waits_for_a_healthy_engine(service: str, engine: str) -> None:
    """The one-shot service starts after its engine is healthy, uses its network name, and prints the host address."""
    assert SERVICES[service]["depends_on"] == {engine: {"condition": "service_healthy"}}
    assert SERVICES[service]["environment"]["ENGINE_URL"] == f"http://{engine}:4566"
    assert SERVICES[service]["environment"]["PUBLIC_URL"] == "http://127.0.0.1:${SAFELIGHT_PORT:-4566}"
    assert SERVICES[service]["restart"] == "no"


def test_only_localstack_starts_by_default() -> None:
    """The other engine has a profile because both publish the same port."""
    assert {name for name, service in SERVICES.items() if "profiles" not in service} == {"localstack", "deploy"}


def test_the_command_and_the_file_agree() -> None:
    """`safelight up --engine localstack` uses an existing service and port variable."""
    assert compose.SERVICE in SERVICES
    assert VARIABLES[compose.PORT_VARIABLE] == compose.DEFAULT_PORT


def test_the_images_have_the_sources_of_the_zips() -> None:
    """Each Dockerfile copies every package of the functions, and .dockerignore allows exactly what they copy."""
    needed = {package for packages in FUNCTION_PACKAGES.values() for package in packages} | {"infra", "requirements"}
    copied: set[str] = set()
    for name in ("Dockerfile", "embedded.Dockerfile"):
        lines = re.findall(r"^COPY (.+) \S+$", (ROOT / "infra" / name).read_text("utf-8"), re.MULTILINE)
        sources = {source.rstrip("/") for line in lines for source in line.split()}
        assert sources >= needed
        copied |= sources
    assert copied == set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE))


def test_the_image_of_the_embedded_engine_is_safe_by_default() -> None:
    """It runs as another user than root, checks its health, and listens on the port that its comment publishes."""
    dockerfile = (ROOT / "infra" / "embedded.Dockerfile").read_text("utf-8")
    users = re.findall(r"^USER (\w+)$", dockerfile, re.MULTILINE)
    assert users
    assert users[-1] not in {"root", "0"}
    assert dockerfile.index("USER ") < dockerfile.index("CMD [")
    assert "HEALTHCHECK " in dockerfile
    assert f"EXPOSE {embedded_container.PORT}" in dockerfile
    assert f"--publish 127.0.0.1:{embedded_container.PORT}:{embedded_container.PORT}" in dockerfile
    variables = dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.*)$", dockerfile, re.MULTILINE))))
    assert variables[launch.BIND_VARIABLE] == "0.0.0.0"  # noqa: S104 - in a container
    for entry in re.findall(r'"-m", "([\w.]+)"', dockerfile):
        assert importlib.util.find_spec(entry)


def test_the_development_container_installs_the_tests() -> None:
    """With the Makefile's target and the supported Python."""
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8")
    container = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert container["image"].endswith(f":{PYTHON_VERSION}")
    target = container["postCreateCommand"].split()[1].replace(".venv", "$(VENV)")
    assert f"\n{target}:" in (ROOT / "Makefile").read_text("utf-8")


def test_the_image_runs_existing_code() -> None:
    """Names in the Dockerfile's ``python -c`` and ``-m`` exist."""
    dockerfile = (ROOT / "infra" / "Dockerfile").read_text("utf-8")
    ((package, module, function),) = re.findall(r'python -c "from ([\w.]+) import (\w+); \2\.(\w+)\(\)"', dockerfile)
    assert callable(getattr(importlib.import_module(f"{package}.{module}"), function))
    (entry,) = re.findall(r'"-m", "([\w.]+)"', dockerfile)
    assert importlib.util.find_spec(entry)


def test_every_skip_on_an_engine_is_documented() -> None:
    """docs/engines.md has the reason of every skipped test."""
    page = (ROOT / "docs" / "engines.md").read_text("utf-8")
    tests = "".join(path.read_text("utf-8") for path in list_files(ROOT / "tests", "test_*.py"))
    reasons = re.findall(r'mark\.not_on\(\s*"\w+",\s*reason="([^"]+)"', tests)
    reasons += re.findall(
        r'pytest\.skip\("([^"]+)"\)', (ROOT / "tests" / "support" / "running_stack.py").read_text("utf-8")
    )
    assert reasons
    assert not [reason for reason in reasons if reason not in page]
