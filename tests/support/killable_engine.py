"""An engine that one test owns, and can kill and restart."""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil
import pytest
from support.running_stack import SHORT_TIMEOUTS, wait_until

from infra import local_stack
from infra.engines import launch
from infra.engines.record import EnginePaths, EngineRecord
from infra.stack import Stack

READY_SCRIPT = Path(__file__).parents[2] / ".ci" / "moto_transactions.py"
PROGRAM = "LOCALSTACK_PROGRAM"


class OwnServer(Protocol):
    """Operations of a test on its engine."""

    def up(self) -> Stack:
        """Start the engine if necessary, and the stack on it."""

    def stop(self) -> None:
        """Stop the engine regularly."""

    def kill(self) -> None:
        """Kill the engine, as a power failure does."""

    def remove(self) -> None:
        """Stop the engine and delete its state."""


@dataclass(frozen=True)
class EmbeddedServer:
    """The embedded engine; after a kill, it has the state of its last regular stop, like a restored backup."""

    folder: Path

    def up(self) -> Stack:  # noqa: D102 - see OwnServer, also below
        return local_stack.up(self.folder, "embedded", SHORT_TIMEOUTS)

    def stop(self) -> None:  # noqa: D102
        local_stack.down(self.folder)
        shutil.rmtree(self._backup, ignore_errors=True)
        shutil.copytree(EnginePaths.below(self.folder).data, self._backup)

    def kill(self) -> None:  # noqa: D102
        record = EngineRecord.read(self.folder / "engine.json")
        assert record is not None
        process = psutil.Process(record.pid)
        family = [process, *process.children(recursive=True)]
        process.kill()
        process.wait(timeout=600)
        # The functions end with the engine. The child that writes a snapshot must not write into the restored folder.
        wait_until(lambda: not any(map(_is_running, family)))
        # The engine has written its state while it ran.
        shutil.rmtree(EnginePaths.below(self.folder).data)
        shutil.copytree(self._backup, EnginePaths.below(self.folder).data)

    def remove(self) -> None:  # noqa: D102
        local_stack.down(self.folder, wipe=True)

    @property
    def _backup(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-backup")


@dataclass(frozen=True)
class LocalStackServer:
    """A LocalStack that runs as a process of this machine; after a stop or kill, it has no state."""

    folder: Path
    program: str
    setting: pytest.MonkeyPatch
    port: int = field(default_factory=launch.find_free_port)

    def up(self) -> Stack:  # noqa: D102
        self.folder.mkdir(parents=True, exist_ok=True)
        ready = self.folder / "etc" / "localstack" / "init" / "ready.d"
        ready.mkdir(parents=True, exist_ok=True)
        shutil.copy(READY_SCRIPT, ready)
        # Functions inherit the environment, and must not get the settings of the tests.
        clean = {name: os.environ[name] for name in ("PATH", "AWS_DEFAULT_REGION")} | {"HOME": str(self.folder)}
        self._run("start", clean)
        self.setting.setenv("LOCALSTACK_ENDPOINT", f"http://127.0.0.1:{self.port}")
        return local_stack.up(self.folder / "state", "localstack", SHORT_TIMEOUTS)

    def stop(self) -> None:  # noqa: D102
        self._run("stop")

    def kill(self) -> None:  # noqa: D102
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):  # a function that has ended with LocalStack
                process.kill()
        (self.folder / "localstack.pid").unlink(missing_ok=True)

    def remove(self) -> None:  # noqa: D102
        self.kill()

    def _processes(self) -> list[psutil.Process]:
        """Return the processes of LocalStack and of its functions."""
        pid_file = self.folder / "localstack.pid"
        if not pid_file.exists():
            return []
        try:
            process = psutil.Process(int(pid_file.read_text()))
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _run(self, verb: str, environment: dict[str, str] | None = None) -> None:
        command = [self.program, "--port", str(self.port), "--data", str(self.folder), verb]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def _is_running(process: psutil.Process) -> bool:
    """Return True if a process has not ended."""
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def make_own_server(engine: str, folder: Path, setting: pytest.MonkeyPatch) -> OwnServer:
    """Return the engine of a test. Skip the test if it could only use a shared LocalStack."""
    if engine == "embedded":
        return EmbeddedServer(folder)
    program = os.environ.get(PROGRAM)
    if program is None:
        pytest.skip(f"the tests must not kill this LocalStack, and {PROGRAM} is not set")
    return LocalStackServer(folder, program, setting)
