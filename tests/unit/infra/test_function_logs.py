"""The log lines of an invocation on the embedded engine."""

import importlib
import io
import queue
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from infra.engines.patches import function_logs

CODE = """
import os, sys
print("imported")
def handler(event, context):
    for number in range(event["lines"]):
        print("line", number)
    if event.get("partial"):
        sys.stderr.write("no end of line")
    if event.get("dies"):
        os._exit(3)
    return event
"""


def zip_code() -> bytes:
    """Return the package of the function."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", CODE)
    return packed.getvalue()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function process of MiniStack whose log arrives slowly."""
    runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    own = runtime.Worker
    processes = []

    def read_slowly(worker: Any) -> None:
        """Read the log as on a busy machine: each line arrives later than MiniStack waits for it."""
        processes.append(worker._proc)
        for line in worker._proc.stderr:
            time.sleep(0.06)
            worker._stderr_queue.put(line.rstrip("\n"))

    monkeypatch.setattr(own, "_read_stderr", read_slowly)
    monkeypatch.setattr(own, "_drain_stderr_bounded", own._drain_stderr_bounded)
    monkeypatch.setattr(runtime, "_PYTHON_WORKER_SCRIPT", runtime._PYTHON_WORKER_SCRIPT)
    function_logs.install(runtime)
    configuration = {
        "FunctionName": "f",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "Handler": "app.handler",
        "Runtime": "python3.13",
        "Timeout": 60,
    }
    made = own("f", configuration, zip_code())
    yield made
    made.kill()
    for process in processes:  # MiniStack leaves the pipes to the garbage collector
        process.wait()
        made._stderr_thread.join()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def invoke(worker: Any, **event: Any) -> list[str]:
    """Return the log lines of one invocation."""
    return list(worker.invoke(event, "request")["log"].splitlines())


def test_each_invocation_has_exactly_its_lines(worker: Any) -> None:
    """The first one also has those of the import. An invocation without lines does not wait for any."""
    assert invoke(worker, lines=2) == ["imported", "line 0", "line 1"]
    assert invoke(worker, lines=0) == []
    assert invoke(worker, lines=3) == ["line 0", "line 1", "line 2"]


def test_a_line_without_an_end_is_kept(worker: Any) -> None:
    """And does not hide the mark."""
    assert invoke(worker, lines=1, partial=True) == ["imported", "line 0", "no end of line"]
    assert invoke(worker, lines=1) == ["line 0"]


def test_the_log_of_a_process_that_died_is_complete(worker: Any) -> None:
    """It ends with the process, without a mark."""
    assert invoke(worker, lines=2, dies=True) == ["imported", "line 0", "line 1"]


def test_the_log_of_an_error_is_complete(worker: Any) -> None:
    """A handler that raises has written its lines before."""
    assert invoke(worker) == ["imported"]


def test_a_log_that_stays_open_is_given_up() -> None:
    """With the lines that were there."""
    lines: queue.Queue[str] = queue.Queue()
    lines.put("one")
    assert function_logs.read_to_mark(lines, patience=0.01) == "one"
