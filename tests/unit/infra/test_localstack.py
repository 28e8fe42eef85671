"""Finding LocalStack, starting it, ending it: by a server that answers as it does, and a `docker` that is none."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

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
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """Make sure that nothing answers where LocalStack is looked for; return an address like that."""
    with Server({}) as server:
        url = server.url
    monkeypatch.setattr(localstack, "DEFAULT_ENDPOINT", url)
    monkeypatch.setattr(compose, "get_address", lambda: url)
    monkeypatch.delenv(localstack.ENDPOINT_VARIABLE, raising=False)
    return url


@pytest.fixture
def running(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: ARG001 - nothing else is found
    """Have a LocalStack named in the environment; return its address."""
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
def test_only_localstack_counts_as_localstack(documents: Mapping[str, Any], release: str | None) -> None:
    """MiniStack answers at the same path, and a web server may answer anything; neither is taken for LocalStack."""
    with Server(documents) as server:
        assert localstack.get_version(server.url) == release


def test_what_the_environment_names_is_used(running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LOCALSTACK_ENDPOINT counts, with or without a slash, and localhost becomes an address that S3 clients can use."""
    assert localstack.find_running() == running
    monkeypatch.setenv(localstack.ENDPOINT_VARIABLE, running.replace("127.0.0.1", "localhost") + "/")
    assert localstack.find_running() == running


def test_without_a_name_the_usual_address_is_tried(running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A LocalStack at its default address is found by itself; where there is none the answer is none."""
    monkeypatch.delenv(localstack.ENDPOINT_VARIABLE)
    assert localstack.find_running() is None
    monkeypatch.setattr(localstack, "DEFAULT_ENDPOINT", running)
    assert localstack.find_running() == running


@pytest.mark.parametrize(
    ("named", "sentence"),
    [("{nowhere}", "No LocalStack answers at {nowhere}"), ("127.0.0.1:4566", "must be a URL like http://")],
)
def test_a_wrong_name_is_a_sentence(
    nowhere: str, named: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint that does not answer, or is no address, is named; no other engine is taken silently."""
    monkeypatch.setenv(localstack.ENDPOINT_VARIABLE, named.format(nowhere=nowhere))
    monkeypatch.setattr(compose, "up", lambda _: pytest.fail("started another"))
    with pytest.raises(SetupError, match=sentence.format(nowhere=nowhere)):
        local_stack.up(tmp_path, "localstack")


@pytest.mark.usefixtures("nowhere")
def test_without_docker_one_sentence_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a LocalStack nor Docker: the sentence says both, and the two ways on."""
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
    """The plugin and the daemon are told apart."""
    _fake_docker(tmp_path, script, monkeypatch)
    missing = compose.find_missing()
    assert sentence in missing
    assert bool(missing) == bool(sentence)


def test_a_failing_compose_shows_its_last_words(nowhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Docker said last is in the sentence, and the record leads `down` to what may have been started."""
    _fake_docker(tmp_path, '[ "$4" != up ] || { echo "no space left on device" >&2; exit 1; }', monkeypatch)
    with pytest.raises(SetupError, match="docker compose up failed: no space left on device"):
        localstack.start(tmp_path)
    assert localstack.LocalStackRecord.read(tmp_path) == localstack.LocalStackRecord(nowhere, is_ours=True)


def test_what_was_started_is_stopped(nowhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`down` takes the containers away, `--wipe` their volumes too, even later; beyond that there is nothing to do."""
    calls = _fake_docker(tmp_path, "", monkeypatch)
    localstack.LocalStackRecord(nowhere, is_ours=True).save(tmp_path)
    assert "is stopped" in localstack.shut_down(tmp_path, "safelight", False)
    assert calls.read_text().endswith("docker-compose.yml down\n")
    assert localstack.shut_down(tmp_path, "safelight", False) == ""
    assert localstack.shut_down(tmp_path, "safelight", True) == ""
    assert calls.read_text().endswith("docker-compose.yml down --volumes\n")
    assert len(calls.read_text().splitlines()) == 2
    assert localstack.LocalStackRecord.read(tmp_path) is None


def test_what_runs_already_is_not_ours(running: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A LocalStack that was there before is used, never stopped, and its settings are left alone."""
    monkeypatch.setattr(compose, "down", lambda **_: pytest.fail("stopped"))
    assert localstack.start(tmp_path) == running
    assert "keeps running" in localstack.shut_down(tmp_path, "safelight", False)
    with pytest.raises(SetupError, match="settings cannot be changed"):
        localstack.start(tmp_path, {"DEBUG": "1"})


def test_the_wrong_stack_is_never_deleted(nowhere: str, tmp_path: Path) -> None:
    """Where the LocalStack is gone, `down --wipe` says so and forgets it."""
    localstack.LocalStackRecord(nowhere, is_ours=False).save(tmp_path)
    assert "there is nothing to delete" in localstack.shut_down(tmp_path, "safelight", True)
    assert localstack.LocalStackRecord.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "[]", '{"url": 1, "unknown": 2}'])
def test_a_damaged_record_counts_as_none(text: str, tmp_path: Path) -> None:
    """Half a file keeps nobody from going on."""
    (tmp_path / "localstack.json").write_text(text)
    assert localstack.shut_down(tmp_path, "safelight", True) == ""


@pytest.mark.parametrize(("machine", "name"), [("x86_64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")])
def test_functions_are_built_for_this_machine(machine: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LocalStack runs functions on the machine's own processor, whatever the template's default."""
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert localstack.get_parameters() == {"Architecture": name, "Notifications": "off"}
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(SetupError, match="riscv64"):
        localstack.get_parameters()


def _fake_docker(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `docker` on the path that notes its arguments and runs a script; return its notes."""
    calls = folder / "calls"
    program = folder / "docker"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(compose, "FILE", folder / "docker-compose.yml")
    (folder / "docker-compose.yml").touch()
    return calls
