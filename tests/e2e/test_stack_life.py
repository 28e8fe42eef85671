"""A stack is updated in place, and leaves nothing behind."""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images

from infra import local
from infra.deployment import packaging
from infra.sessions import local_session
from infra.stack import Stack

CHANGED_VERSION = "0.1.0+changed"
#: Service, call, list in its answer, and what in a line of it tells the name.
PARTS_OF_A_STACK = [
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "FunctionArn"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("apigateway", "get_rest_apis", "items", "name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("events", "list_rules", "Rules", "Name"),
]


@dataclass(frozen=True)
class Life:
    """A stack of the test's own that can be brought up in several ways."""

    folder: Path
    engine: str
    name: str

    def up(self, source: Path = packaging.SOURCE, **parameters: str) -> tuple[Stack, list[str]]:
        """Bring it up; return it and the steps that were reported."""
        steps: list[str] = []
        named = {"NamePrefix": self.name, **parameters}
        return local.up(self.folder, self.engine, named, report=steps.append, source=source), steps


@pytest.fixture
def life(engine: str, tmp_path: Path) -> Iterator[Life]:
    """Return a stack that is not there yet and does not outlive the test."""
    folder = tmp_path / "state"
    yield Life(folder, engine, f"e2e-{secrets.token_hex(4)}")
    local.down(folder, wipe=True)


def test_a_stack_is_updated_in_place(life: Life, tmp_path: Path) -> None:
    """A second `up` changes nothing; another parameter and other code arrive, at the same address, with the data."""
    stack, _ = life.up()
    job = _submitted(stack)
    again, steps = life.up()
    assert again == stack
    assert not any("deploying" in step for step in steps)

    assert _variable(stack, "LINK_SECONDS") == "900"
    assert life.up(LinkSeconds="901") == (stack, [*steps[:-1], "deploying the stack", steps[-1]])
    assert _variable(stack, "LINK_SECONDS") == "901"

    assert life.up(_changed_code(tmp_path), LinkSeconds="901")[0] == stack
    assert httpx.get(f"{stack.api_url}/openapi.json", timeout=60).json()["info"]["version"] == CHANGED_VERSION
    assert httpx.get(f"{stack.api_url}/jobs/{job['id']}", timeout=60).json()["id"] == job["id"]


@pytest.mark.localstack
def test_wiping_leaves_nothing(life: Life) -> None:
    """After `down --wipe` a LocalStack that goes on has no part of the stack any more, full buckets included."""
    stack, _ = life.up()
    assert _submitted(stack, Prefer="wait=20")["status"] == "COMPLETED"
    before = {part: _named(stack, life.name, *part) for part in PARTS_OF_A_STACK}
    assert all(before.values()), "a part that is never found would prove nothing"
    local.down(life.folder, wipe=True)
    assert {part: names for part in PARTS_OF_A_STACK if (names := _named(stack, life.name, *part))} == {}
    assert not life.folder.exists()


def _submitted(stack: Stack, **headers: str) -> Any:
    headers |= {"Content-Type": "image/jpeg"}
    answer = httpx.post(f"{stack.api_url}/jobs", content=sample_images.jpeg(), headers=headers, timeout=60)
    return answer.raise_for_status().json()


def _variable(stack: Stack, name: str) -> str:
    client = local_session(stack.endpoint_url).client("lambda")
    answer = client.get_function_configuration(FunctionName=stack.functions["api"])
    return str(answer["Environment"]["Variables"][name])


def _changed_code(folder: Path) -> Path:
    source = folder / "source"
    for part in ("api", "worker", "shared", "requirements", "web"):
        shutil.copytree(packaging.SOURCE / part, source / part)
    version = source / "shared" / "version.py"
    text = version.read_text("utf-8")
    version.write_text(text.replace('"0.1.0"', f'"{CHANGED_VERSION}"'), "utf-8")
    assert version.read_text("utf-8") != text
    return source


def _named(stack: Stack, prefix: str, service: str, call: str, found: str, name: str) -> list[str]:  # noqa: PLR0917 - a row of the table
    client: Any = local_session(stack.endpoint_url).client(service)
    lines = getattr(client, call)().get(found, [])
    # LocalStack goes on listing stacks that are deleted, as AWS does only in ListStacks.
    lines = [line for line in lines if not (name == "StackName" and line["StackStatus"] == "DELETE_COMPLETE")]
    return [text for line in lines if prefix in (text := str(line[name] if name else line))]
