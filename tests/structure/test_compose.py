"""docker-compose.yml, its settings and its Dockerfile, read as text: no Docker is needed."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.deployment.packaging import FUNCTION_PACKAGES
from infra.deployment.wheels import PYTHON_VERSION
from infra.engines import compose, localstack
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


def test_the_example_has_every_setting_with_its_default() -> None:
    """What docker-compose.yml reads is in .env.example, with the same default, and nothing else is."""
    assert example() == VARIABLES


def test_every_setting_is_explained() -> None:
    """Each line of .env.example has a comment above it."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    for before, line in itertools.pairwise(lines):
        assert "=" not in line or line.startswith("#") or before.startswith("#"), line


def test_images_are_pinned() -> None:
    """No image is `latest` or untagged, and the releases are those that the code was tested with."""
    images = {name: value for name, value in VARIABLES.items() if name.endswith("_IMAGE")}
    assert images["LOCALSTACK_IMAGE"] == f"localstack/localstack:{localstack.VERSION}"
    assert images["MINISTACK_IMAGE"].endswith(f":{VERSION}")
    assert images["PYTHON_IMAGE"].startswith(f"python:{PYTHON_VERSION}")
    assert images["LAMBDA_IMAGE"].endswith(f":{PYTHON_VERSION}")
    assert not [image for image in images.values() if ":" not in image or image.endswith(":latest")]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_is_reachable_from_this_machine_alone(engine: str) -> None:
    """Whoever reaches an engine can run code here, so each published port is bound to loopback."""
    ports = SERVICES[engine]["ports"]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_only_the_engines_hold_the_docker_socket() -> None:
    """The socket is root on the host; nothing but an engine that must start containers has it."""
    holders = {
        name for name, service in SERVICES.items() if any("docker.sock" in v for v in service.get("volumes", []))
    }
    assert holders == set(ENGINES)


@pytest.mark.parametrize(("service", "engine"), [("deploy", "localstack"), ("deploy-to-ministack", "ministack")])
def test_deployment_waits_for_a_healthy_engine(service: str, engine: str) -> None:
    """The one-shot service starts when its engine is well, talks to it by name, and tells the host's address."""
    assert SERVICES[service]["depends_on"] == {engine: {"condition": "service_healthy"}}
    assert SERVICES[service]["environment"]["ENGINE_URL"] == f"http://{engine}:4566"
    assert SERVICES[service]["environment"]["PUBLIC_URL"] == "http://127.0.0.1:${SAFELIGHT_PORT:-4566}"
    assert SERVICES[service]["restart"] == "no"


def test_localstack_alone_starts_by_default() -> None:
    """The other engine has a profile, because both publish the same port."""
    assert {name for name, service in SERVICES.items() if "profiles" not in service} == {"localstack", "deploy"}


def test_the_command_starts_what_the_file_has() -> None:
    """`safelight up --engine localstack` names a service and a port variable that exist."""
    assert compose.SERVICE in SERVICES
    assert VARIABLES[compose.PORT_VARIABLE] == compose.DEFAULT_PORT


def test_the_image_gets_all_that_the_zips_are_made_of() -> None:
    """The Dockerfile copies each room that a function needs, and .dockerignore lets it."""
    dockerfile = (ROOT / "infra" / "Dockerfile").read_text("utf-8")
    copied = set(re.findall(r"^COPY (\w+)/ ", dockerfile, re.MULTILINE))
    let_in = set(re.findall(r"^!(\w+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE))
    assert copied == let_in
    assert copied >= {room for rooms in FUNCTION_PACKAGES.values() for room in rooms} | {"infra", "requirements"}


def test_each_engine_skips_only_what_is_documented() -> None:
    """Whatever the tests leave out on an engine is named in docs/engines.md, with the reason."""
    page = (ROOT / "docs" / "engines.md").read_text("utf-8")
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    reasons = re.findall(r'mark\.not_on\(\s*"\w+",\s*reason="([^"]+)"', tests)
    reasons += re.findall(
        r'pytest\.skip\("([^"]+)"\)', (ROOT / "tests" / "support" / "running_stack.py").read_text("utf-8")
    )
    assert reasons
    assert not [reason for reason in reasons if reason not in page]
