"""The embedded engine: environment, start, stop and data."""

import dataclasses
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from support.closed_port import get_port, hold_port

from infra import local_stack
from infra.deployment import packaging
from infra.engines import embedded, launch, processes
from infra.engines.patches.request_gate import count_processes
from infra.engines.record import EnginePaths, EngineRecord
from infra.errors import SetupError
from infra.sessions import local_session
from infra.stack import Stack

HANDLER = """
import json, os, sys

def handler(event, context):
    print("called", file=sys.stderr)
    if "Records" in event:
        return {"batchItemFailures": []}
    import aws_lambda_powertools, PIL, ulid
    return {"statusCode": 200, "body": json.dumps(dict(os.environ))}
"""
JOB = {"ID": {"S": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}}


@contextmanager
def use_stubs(source: Path) -> Iterator[None]:
    """Deploy functions that return their environment, instead of ours."""
    for room, *modules in (("api", "app"), ("worker", "app", "dead_letters"), ("notifier", "app"), ("shared",)):
        (source / room).mkdir(parents=True)
        (source / room / "__init__.py").touch()  # or the installed room of that name would be found first
        for module in modules:
            (source / room / f"{module}.py").write_text(HANDLER)
    engine = dataclasses.replace(local_stack.ENGINES["embedded"], packages=lambda _: packaging.build_slim(source))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_stack, "ENGINES", {"embedded": engine})
        yield


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory whose engine stops with the test."""
    folder = tmp_path / "state"
    with use_stubs(tmp_path / "source"):
        yield folder
        local_stack.down(folder, wipe=True)


@pytest.fixture
def port(state: Path) -> Iterator[socket.socket]:
    """Let the engine use a port that no other process takes while it does not run. Return a socket with this port."""
    with hold_port() as holder:
        embedded.remember_port(state, get_port(holder))
        yield holder


def test_the_engine_inherits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither credentials, endpoints, proxies nor paths of the caller."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "HTTP_PROXY", "PYTHONPATH", "SERVICES", "SECRET"):
        monkeypatch.setenv(name, "the caller's")
    made = launch.make_environment(EnginePaths.below(tmp_path), 4566, {"AUTH": "true"})
    assert "the caller's" not in made.values()
    assert not {"AWS_ENDPOINT_URL", "AWS_PROFILE", "PYTHONPATH"} & made.keys()
    assert made["BIND_HOST"] == "127.0.0.1"
    assert made["AUTH"] == "true"
    written = {"HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"}
    assert all(made[name].startswith(str(tmp_path)) for name in written)


def test_a_reused_process_id_is_not_the_engine() -> None:
    """The creation time must match too."""
    me = psutil.Process()
    assert processes.find_process(me.pid, me.create_time()) == me
    assert processes.find_process(me.pid, me.create_time() - 5) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": 1, "unknown": 2}'])
def test_a_damaged_record_is_ignored(text: str, tmp_path: Path) -> None:
    """The engine can still start and stop."""
    (tmp_path / "engine.json").write_text(text)
    assert not embedded.is_running(tmp_path)
    assert not embedded.stop(tmp_path)


def test_a_failed_start_shows_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the end of the engine's log."""
    monkeypatch.setattr("sys.executable", "/bin/ls")
    with pytest.raises(SetupError, match=r"did not start: .*ls"):
        embedded.start(tmp_path)
    assert not embedded.is_running(tmp_path)


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    """The error lists the engines."""
    with pytest.raises(SetupError, match="choose one of embedded, localstack"):
        local_stack.up(tmp_path, "abacus")


def test_down_is_idempotent(tmp_path: Path) -> None:
    """Stopping an engine that never ran is not an error."""
    assert not local_stack.down(tmp_path / "nowhere")
    assert not local_stack.down(tmp_path, wipe=True)


@pytest.mark.thorough
@pytest.mark.e2e
def test_stack_is_independent_idempotent_and_bounded(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function finds its dependencies and the engine, independent of the caller's environment.

    A second `up` finds the same engine and stack; new code or parameters reach the function.
    """
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        patch.setenv("SECRET", "the caller's")
        stack = local_stack.up(state)
        check_environment_of_functions(state, stack)
    check_second_up(state, stack)
    check_many_callers(state, stack)


def check_environment_of_functions(state: Path, stack: Stack) -> None:
    """Check what a function sees."""
    seen = _environment_of_the_api(stack)
    assert seen["AWS_ENDPOINT_URL"] == stack.endpoint_url
    assert seen["API_PATH_PREFIX"] == httpx.URL(stack.api_url).path.removesuffix("/v1")
    assert not {"SECRET", "HTTP_PROXY", "AWS_PROFILE"} & seen.keys()
    listening = psutil.Process(_record(state).pid).net_connections(kind="inet")
    assert {line.laddr[0] for line in listening if line.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def check_second_up(state: Path, stack: Stack) -> None:
    """Check that a second `up` changes nothing, and one with other parameters only these."""
    before = _record(state)
    steps: list[str] = []
    assert local_stack.up(state, report=steps.append) == stack
    assert _record(state) == before
    assert not any("deploying" in step for step in steps)
    changed = local_stack.up(state, parameters={"LinkSeconds": "901"})
    assert changed == stack
    assert _environment_of_the_api(stack)["LINK_SECONDS"] == "901"


@pytest.mark.thorough
@pytest.mark.e2e
def test_data_survives_down_and_a_lost_port(state: Path, port: socket.socket) -> None:
    """After `down`, every process is gone. `up` finds the data, even on another port."""
    stack = local_stack.up(state)
    assert _record(state).port == get_port(port)
    _clients(stack)["dynamodb"].put_item(TableName=stack.table, Item=JOB)
    _clients(stack)["s3"].put_object(Bucket=stack.bucket, Key="processed/x", Body=b"x")
    family = processes.list_family(psutil.Process(_record(state).pid))
    assert len(family) > 1, "a function should be running"
    assert local_stack.down(state)
    assert not any(member.is_running() for member in family)
    port.listen()
    again = local_stack.up(state)
    assert again.endpoint_url != stack.endpoint_url
    clients = _clients(again)
    assert clients["dynamodb"].get_item(TableName=again.table, Key=JOB)["Item"] == JOB
    assert clients["s3"].get_object(Bucket=again.bucket, Key="processed/x")["Body"].read() == b"x"
    clients["sqs"].send_message(QueueUrl=again.queue_url, MessageBody="{}")
    _await_empty_queue(clients["sqs"], again.queue_url)
    assert embedded.count_log_errors(state) == 0


@pytest.mark.thorough
@pytest.mark.usefixtures("port")
@pytest.mark.e2e
def test_a_killed_engine_is_replaced(state: Path) -> None:
    """The next `up` starts a new one. It has the stack of the first `up`, objects, and items older than a snapshot."""
    stack = local_stack.up(state)
    kill_engine(state)
    assert local_stack.up(state) == stack
    clients = _clients(stack)
    clients["s3"].put_object(Bucket=stack.bucket, Key="processed/x", Body=b"x")
    clients["dynamodb"].put_item(TableName=stack.table, Item=JOB)
    snapshot = EnginePaths.below(state).data / "state" / "dynamodb.json"
    _wait_until(lambda: JOB["ID"]["S"] in snapshot.read_text("utf-8"), "the item is in no snapshot")
    kill_engine(state)
    assert not embedded.is_running(state)
    steps: list[str] = []
    assert local_stack.up(state, report=steps.append) == stack
    assert not any("deploying" in step for step in steps)
    clients = _clients(stack)
    assert clients["s3"].get_object(Bucket=stack.bucket, Key="processed/x")["Body"].read() == b"x"
    assert clients["dynamodb"].get_item(TableName=stack.table, Key=JOB)["Item"] == JOB
    assert "ERROR [persistence]" not in EnginePaths.below(state).log.read_text("utf-8")


@pytest.mark.usefixtures("port")
@pytest.mark.thorough
@pytest.mark.e2e
def test_a_lost_state_leaves_all_addresses_valid(state: Path) -> None:
    """Without any snapshot, the next `up` deploys a stack with the same API ID and bucket, and finds its objects."""
    stack = local_stack.up(state)
    _clients(stack)["s3"].put_object(Bucket=stack.bucket, Key="processed/x", Body=b"x")
    kill_engine(state)
    shutil.rmtree(EnginePaths.below(state).data / "state")
    assert local_stack.up(state) == stack
    assert _clients(stack)["s3"].get_object(Bucket=stack.bucket, Key="processed/x")["Body"].read() == b"x"


def check_many_callers(state: Path, stack: Stack) -> None:
    """Check that 64 requests at once are answered or refused with Retry-After, by a bounded number of processes."""
    unlimited = httpx.Limits(max_connections=None)
    with httpx.Client(trust_env=False, timeout=600, limits=unlimited) as client, ThreadPoolExecutor(64) as callers:
        answers = list(callers.map(lambda _: client.get(f"{stack.api_url}/x"), range(64)))
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert all(answer.headers["Retry-After"] == "1" for answer in answers if answer.status_code == 429)
    commands = [process.cmdline() for process in processes.list_family(psutil.Process(_record(state).pid))]
    assert 1 <= sum("-api-" in " ".join(command) for command in commands) <= count_processes()


@pytest.mark.thorough
@pytest.mark.e2e
def test_a_hanging_engine_is_replaced(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped before another one uses its state."""
    local_stack.up(state)
    hanging = psutil.Process(_record(state).pid)
    monkeypatch.setattr(embedded, "is_running", lambda _: False)
    local_stack.up(state)
    assert not hanging.is_running()
    assert _record(state).pid != hanging.pid


@pytest.mark.thorough
@pytest.mark.e2e
def test_two_state_directories_are_independent(state: Path, tmp_path: Path) -> None:
    """Each has its own engine and data."""
    other = tmp_path / "other"
    try:
        first, second = local_stack.up(state), local_stack.up(other)
        assert first.endpoint_url != second.endpoint_url
        _clients(first)["dynamodb"].put_item(TableName=first.table, Item=JOB)
        assert "Item" not in _clients(second)["dynamodb"].get_item(TableName=second.table, Key=JOB)
        local_stack.down(other, wipe=True)
        assert not other.exists()
        assert embedded.is_running(state)
    finally:
        local_stack.down(other, wipe=True)


@pytest.mark.usefixtures("port")
@pytest.mark.thorough
@pytest.mark.e2e
def test_changed_settings_restart_the_engine(state: Path) -> None:
    """With its data."""
    stack = local_stack.up(state)
    before = _record(state)
    again = local_stack.up(state, environment={"LAMBDA_WARM_TTL_SECONDS": "5"})
    assert again == stack
    assert _record(state).pid != before.pid


def kill_engine(state: Path) -> None:
    """Kill the engine, and wait until its functions have ended."""
    family = processes.list_family(psutil.Process(_record(state).pid))
    os.kill(_record(state).pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=600)


def _record(state: Path) -> EngineRecord:
    return EngineRecord(**json.loads((state / "engine.json").read_text()))


def _environment_of_the_api(stack: Stack) -> dict[str, str]:
    with httpx.Client(trust_env=False, timeout=600) as client:
        seen: dict[str, str] = client.get(f"{stack.api_url}/x").raise_for_status().json()
    return seen


def _clients(stack: Stack) -> Mapping[str, Any]:
    session = local_session(stack.endpoint_url)
    return {name: session.client(name) for name in ("dynamodb", "s3", "sqs")}


def _await_empty_queue(sqs: Any, url: str) -> None:
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def is_empty() -> bool:
        return not any(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"].values()))

    _wait_until(is_empty, "the worker never got the message")


def _wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
