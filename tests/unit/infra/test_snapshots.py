"""Snapshots of the embedded engine's state by forked children."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.engines import snapshots
from infra.engines.record import SNAPSHOT_PATH
from infra.engines.snapshots import Message, Receive, Send, Snapshots


async def answer(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    """Answer each request."""
    await send({"type": "answer"})


def request(app: Snapshots, method: str, path: str = "/") -> list[Message]:
    """Send a request and return the messages of the answer."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(app({"type": "http", "method": method, "path": path}, receive, send))
    return sent


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_snapshot_is_written_on_request(tmp_path: Path) -> None:
    """The file is there when the answer is sent. The request does not reach the engine."""
    app = Snapshots(answer, (tmp_path / "state").touch)
    assert request(app, "POST", SNAPSHOT_PATH)[0]["status"] == 204
    assert (tmp_path / "state").exists()


def test_a_failed_snapshot_is_reported() -> None:
    """With status 500."""

    def fail() -> None:
        raise OSError

    assert request(Snapshots(answer, fail), "POST", SNAPSHOT_PATH)[0]["status"] == 500


def test_a_snapshot_has_the_memory_of_one_moment(tmp_path: Path) -> None:
    """What changes while it is written is not in it, and the child changes nothing here."""
    state = ["before"]

    def save() -> None:
        (tmp_path / "started").touch()
        wait_until((tmp_path / "changed").exists)
        (tmp_path / "state").write_text(",".join(state))
        state.append("by the child")

    with ThreadPoolExecutor(1) as threads:
        taken = threads.submit(Snapshots(answer, save).take)
        wait_until((tmp_path / "started").exists)
        state.append("after")
        (tmp_path / "changed").touch()
        assert taken.result()
    assert (tmp_path / "state").read_text() == "before"
    assert state == ["before", "after"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"])
def test_a_request_that_may_change_something_asks_for_a_snapshot(method: str) -> None:
    """One that reads does not."""
    app = Snapshots(answer, lambda: None)
    assert request(app, method) == [{"type": "answer"}]
    assert app._changed.is_set() == (method in {"POST", "PUT", "DELETE", "PATCH"})


def test_changes_are_written_until_the_engine_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change is in a later snapshot. After the stop there is none."""
    monkeypatch.setattr(snapshots, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(snapshots, "PAUSE_FACTOR", 0)
    numbers: list[int] = []

    def save() -> None:
        (tmp_path / str(len(numbers))).touch()

    app = Snapshots(answer, save)
    with ThreadPoolExecutor(1) as threads:
        regular = threads.submit(app._take_regularly)
        for number in range(3):
            numbers.append(number)
            request(app, "POST")
            wait_until((tmp_path / str(len(numbers))).exists)
        app.stop()
        regular.result(timeout=600)
    assert app._lock.locked()


def test_the_stop_ends_a_running_snapshot(tmp_path: Path) -> None:
    """The engine writes its last state itself, so a late child must not write an older one over it."""

    def save() -> None:
        (tmp_path / "started").touch()
        signal.pause()

    app = Snapshots(answer, save)
    with ThreadPoolExecutor(1) as threads:
        taken = threads.submit(app.take)
        wait_until((tmp_path / "started").exists)
        app.stop()
        assert not taken.result(timeout=600)


def test_a_child_holds_no_socket(tmp_path: Path) -> None:
    """The next engine can use the port of a killed one."""
    reader, writer = os.pipe()

    def save() -> None:
        try:
            os.fstat(writer)
        except OSError:
            (tmp_path / "closed").touch()

    assert Snapshots(answer, save).take()
    os.close(reader)
    os.close(writer)
    assert (tmp_path / "closed").exists()
