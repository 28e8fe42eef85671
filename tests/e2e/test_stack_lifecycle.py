"""Lifecycle of a local stack: update in place and complete removal."""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import HTTP_SECONDS, wait_until

from infra import local_stack
from infra.deployment import packaging
from infra.sessions import local_session
from infra.stack import Stack

CHANGED_VERSION = "0.1.0+changed"
#: Service, call, list in its response, and name field of an entry.
RESOURCE_LISTS = [
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
class OwnStack:
    """A stack that belongs to one test."""

    folder: Path
    engine: str
    name: str

    def up(self, source: Path = packaging.SOURCE_ROOT, **parameters: str) -> tuple[Stack, list[str]]:
        """Start or update the stack; return it and the reported steps."""
        steps: list[str] = []
        named = {"NamePrefix": self.name, **parameters}
        return local_stack.up(self.folder, self.engine, named, report=steps.append, source=source), steps


@pytest.fixture
def own_stack(engine: str, tmp_path: Path) -> Iterator[OwnStack]:
    """Yield a stack that is not started yet, and remove it after the test."""
    folder = tmp_path / "state"
    yield OwnStack(folder, engine, f"e2e-{secrets.token_hex(4)}")
    local_stack.down(folder, wipe=True)


@pytest.mark.thorough
def test_stack_is_updated_in_place(own_stack: OwnStack, tmp_path: Path) -> None:
    """A repeated `up` changes nothing; new parameters and code are deployed at the same URL with the same data."""
    stack, _ = own_stack.up()
    job = _submit(stack)
    again, steps = own_stack.up()
    assert again == stack
    assert not any("deploying" in step for step in steps)

    assert _get_variable(stack, "LINK_SECONDS") == "900"
    assert own_stack.up(LinkSeconds="901") == (stack, [*steps[:-1], "deploying the stack", steps[-1]])
    assert _get_variable(stack, "LINK_SECONDS") == "901"

    assert own_stack.up(_change_code(tmp_path), LinkSeconds="901")[0] == stack
    assert httpx.get(f"{stack.api_url}/openapi.json", timeout=HTTP_SECONDS).json()["info"]["version"] == CHANGED_VERSION
    assert httpx.get(f"{stack.api_url}/jobs/{job['id']}", timeout=HTTP_SECONDS).json()["id"] == job["id"]


@pytest.mark.localstack
def test_wipe_removes_every_resource(own_stack: OwnStack) -> None:
    """After `down --wipe`, LocalStack has no resource of the stack, including buckets with objects."""
    stack, _ = own_stack.up()
    wait_until(lambda: _submit(stack, Prefer="wait=20")["status"] == "COMPLETED")
    before = {kind: _list_names(stack, own_stack.name, *kind) for kind in RESOURCE_LISTS}
    assert all(before.values()), "every kind of resource is found before"
    local_stack.down(own_stack.folder, wipe=True)
    assert {kind: names for kind in RESOURCE_LISTS if (names := _list_names(stack, own_stack.name, *kind))} == {}
    assert not own_stack.folder.exists()


def _submit(stack: Stack, **headers: str) -> Any:
    headers |= {"Content-Type": "image/jpeg"}
    answer = httpx.post(
        f"{stack.api_url}/jobs", content=sample_images.make_jpeg(), headers=headers, timeout=HTTP_SECONDS
    )
    return answer.raise_for_status().json()


def _get_variable(stack: Stack, name: str) -> str:
    client = local_session(stack.endpoint_url).client("lambda")
    answer = client.get_function_configuration(FunctionName=stack.functions["api"])
    return str(answer["Environment"]["Variables"][name])


def _change_code(folder: Path) -> Path:
    source = folder / "source"
    for package in ("api", "worker", "shared", "requirements", "web"):
        shutil.copytree(packaging.SOURCE_ROOT / package, source / package)
    version = source / "shared" / "version.py"
    text = version.read_text("utf-8")
    version.write_text(text.replace('"0.1.0"', f'"{CHANGED_VERSION}"'), "utf-8")
    assert version.read_text("utf-8") != text
    return source


def _list_names(stack: Stack, prefix: str, service: str, call: str, found: str, name: str) -> list[str]:  # noqa: PLR0917 - a row of the table
    client: Any = local_session(stack.endpoint_url).client(service)
    lines = getattr(client, call)().get(found, [])
    # LocalStack also lists deleted stacks, which AWS does only in ListStacks.
    lines = [line for line in lines if not (name == "StackName" and line["StackStatus"] == "DELETE_COMPLETE")]
    return [text for line in lines if prefix in (text := str(line[name] if name else line))]
