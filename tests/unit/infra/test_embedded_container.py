"""Signals to the container of the embedded engine, on a double of the stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import embedded_container, local_stack
from infra.engines import embedded

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def keep_handlers() -> Iterator[None]:
    """Give the signals of this process their handlers back."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_the_deployment(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And stops the engine once, although `docker stop` may send more signals. Docker kills after ten seconds."""
    stopped: list[Path] = []

    def deploy(state_dir: Path, **_: object) -> None:
        assert state_dir == tmp_path
        os.kill(os.getpid(), number)
        pytest.fail("the deployment continues")

    def stop(state_dir: Path) -> None:
        for each in SIGNALS:
            os.kill(os.getpid(), each)
        stopped.append(state_dir)

    monkeypatch.setenv("SAFELIGHT_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["embedded_container"])
    monkeypatch.setattr(local_stack, "up", deploy)
    monkeypatch.setattr(embedded, "stop", stop)
    assert embedded_container.main() == 0
    assert stopped == [tmp_path]
    assert "is ready" not in capsys.readouterr().out


def test_signals_are_handled_before_the_imports() -> None:
    """Linux ignores signals to process 1 without a handler, and the imports of the stack take a second."""
    program = "import sys, infra.embedded_container; print([*({'boto3', 'httpx'} & {*sys.modules})])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
