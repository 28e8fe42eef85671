"""Find, start and stop LocalStack, with a server double and a `docker` double."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
from support.closed_port import get_port, hold_port

from infra import local_stack
from infra.engines import compose, localstack
from infra.errors import SetupError

HEALTH = {"services": {"s3": "available"}, "edition": "community", "version": "4.14.0"}
LOCALSTACK = {"/_localstack/health": HEALTH, "/_localstack/info": {"version": "4.14.0", "session_id": "1"}}
MINISTACK = {"/_localstack/health": HEALTH, "/_ministack/health": HEALTH}


class Server:
    """Answers GET requests with documents, by path."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path in documents
                self.send_response(200 if known else 404)
                self.end_headers()
                self.wfile.write(json.dumps(documents[self.path]).encode() if known else b"<Error/>")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return an address where nothing answers, and make it the default."""
    with hold_port() as holder:
        url = f"http://127.0.0.1:{get_port(holder)}"
        monkeypatch.setattr(localstack, "DEFAULT_ENDPOINT", url)
        monkeypatch.setattr(compose, "get_address", lambda: url)
        monkeypatch.delenv(localstack.ENDPOINT_VARIABLE, raising=False)
        yield url


@pytest.fixture
def running(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: ARG001 - nothing else is found
    """Set a running LocalStack in the environment; return its address."""
    with Server(LOCALSTACK) as server:
        monkeypatch.setenv(localstack.ENDPOINT_VARIABLE, server.url)
        yield server.url


@pytest.mark.parametrize(
    ("documents", "release"),
    [
        (LOCALSTACK, "4.14.0"),
        (MINISTACK, None),
        ({}, None),
        ({"/_localstack/info": []}, None),
        ({"/_localstack/info": {"version": "1"}}, None),
    ],
)
def test_only_localstack_is_recognized(documents: Mapping[str, Any], release: str | None) -> None:
    """MiniStack and other servers are not taken for LocalStack."""
    with Server(documents) as server:
        assert localstack.get_version(server.url) == release


def test_the_endpoint_variable_is_used(running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With or without a slash; localhost becomes an IP address that S3 clients can use."""
    assert localstack.find_running() == running
    monkeypatch.setenv(localstack.ENDPOINT_VARIABLE, running.replace("127.0.0.1", "localhost") + "/")
    assert localstack.find_running() == running


def test_the_default_address_is_tried(running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """None if nothing answers there."""
    monkeypatch.delenv(localstack.ENDPOINT_VARIABLE)
    assert localstack.find_running() is None
    monkeypatch.setattr(localstack, "DEFAULT_ENDPOINT", running)
    assert localstack.find_running() == running


@pytest.mark.parametrize(
    ("named", "sentence"),
    [("{nowhere}", "No LocalStack answers at {nowhere}"), ("127.0.0.1:4566", "must be a URL like http://")],
)
def test_an_invalid_endpoint_is_an_error(
    nowhere: str, named: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, and no other engine is used instead."""
    monkeypatch.setenv(localstack.ENDPOINT_VARIABLE, named.format(nowhere=nowhere))
    monkeypatch.setattr(compose, "up", lambda _: pytest.fail("started another"))
    with pytest.raises(SetupError, match=sentence.format(nowhere=nowhere)):
        local_stack.up(tmp_path, "localstack")


@pytest.mark.usefixtures("nowhere")
def test_without_docker_the_error_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names both alternatives."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"Docker is not installed\. Set LOCALSTACK_ENDPOINT"):
        local_stack.up(tmp_path, "localstack")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 1", "has no `compose` command"),
        ('[ "$1" = compose ]', "daemon does not answer"),
        ("exit 0", ""),
    ],
)
def test_each_missing_part_of_docker_is_named(
    script: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Compose plugin and the daemon have their own sentences."""
    _fake_docker(tmp_path, script, monkeypatch)
    missing = compose.find_missing()
    assert sentence in missing
    assert bool(missing) == bool(sentence)


def test_a_failing_compose_shows_its_last_line(nowhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record lets `down` stop what may have been started."""
    _fake_docker(tmp_path, '[ "$4" != up ] || { echo "no space left on device" >&2; exit 1; }', monkeypatch)
    with pytest.raises(SetupError, match="docker compose up failed: no space left on device"):
        localstack.start(tmp_path)
    assert localstack.LocalStackRecord.read(tmp_path) == localstack.LocalStackRecord(nowhere, is_ours=True)


def test_down_stops_what_up_started(nowhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--wipe` deletes the volumes too, even later."""
    calls = _fake_docker(tmp_path, "", monkeypatch)
    localstack.LocalStackRecord(nowhere, is_ours=True).save(tmp_path)
    assert "is stopped" in localstack.shut_down(tmp_path, "safelight", False)
    assert calls.read_text().endswith("docker-compose.yml down\n")
    assert localstack.shut_down(tmp_path, "safelight", False) == ""
    assert localstack.shut_down(tmp_path, "safelight", True) == ""
    assert calls.read_text().endswith("docker-compose.yml down --volumes\n")
    assert len(calls.read_text().splitlines()) == 2
    assert localstack.LocalStackRecord.read(tmp_path) is None


def test_a_running_localstack_is_not_stopped(running: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used, but neither stopped nor changed."""
    monkeypatch.setattr(compose, "down", lambda **_: pytest.fail("stopped"))
    assert localstack.start(tmp_path) == running
    assert "keeps running" in localstack.shut_down(tmp_path, "safelight", False)
    with pytest.raises(SetupError, match="settings cannot be changed"):
        localstack.start(tmp_path, {"DEBUG": "1"})


def test_wipe_without_localstack_forgets_it(nowhere: str, tmp_path: Path) -> None:
    """`down --wipe` says that it is gone."""
    localstack.LocalStackRecord(nowhere, is_ours=False).save(tmp_path)
    assert "there is nothing to delete" in localstack.shut_down(tmp_path, "safelight", True)
    assert localstack.LocalStackRecord.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", '{"url": 1, "unknown": 2}'])
def test_a_damaged_record_is_ignored(text: str, tmp_path: Path) -> None:
    """LocalStack can still start."""
    (tmp_path / "localstack.json").write_text(text)
    assert localstack.shut_down(tmp_path, "safelight", True) == ""


@pytest.mark.parametrize(("machine", "name"), [("x86_64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")])
def test_functions_are_built_for_this_processor(machine: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LocalStack runs functions on the processor of this machine."""
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert localstack.get_parameters() == {"Architecture": name, "Notifications": "off"}
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SetupError, match="riscv64"):
        localstack.get_parameters()


def _fake_docker(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `docker` on the path that records its arguments and runs a script; return the record."""
    calls = folder / "calls"
    program = folder / "docker"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(compose, "FILE", folder / "docker-compose.yml")
    (folder / "docker-compose.yml").touch()
    return calls
