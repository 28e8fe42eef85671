"""An engine that belongs to one test, which may kill it and start it again."""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil
import pytest
from support.running_stack import QUICK

from infra import local_stack
from infra.engines import launch
from infra.engines.record import EngineRecord
from infra.stack import Stack

READY = Path(__file__).parents[2] / ".ci" / "moto_transactions.py"
PROGRAM = "LOCALSTACK_PROGRAM"


class OwnServer(Protocol):
    """What a test does with its engine."""

    def up(self) -> Stack:
        """Start it where it does not run, and bring the stack up on it."""

    def stop(self) -> None:
        """End it in order."""

    def kill(self) -> None:
        """End it at once, as a loss of power would."""

    def remove(self) -> None:
        """End it and what it keeps."""


@dataclass(frozen=True)
class EmbeddedServer:
    """The embedded engine; killed, it knows what it knew at its last orderly stop."""

    folder: Path

    def up(self) -> Stack:  # noqa: D102 - said by OwnServer, as are those below
        return local_stack.up(self.folder, "embedded", QUICK)

    def stop(self) -> None:  # noqa: D102
        local_stack.down(self.folder)

    def kill(self) -> None:  # noqa: D102
        record = EngineRecord.read(self.folder / "engine.json")
        assert record is not None
        psutil.Process(record.pid).kill()

    def remove(self) -> None:  # noqa: D102
        local_stack.down(self.folder, wipe=True)


@dataclass(frozen=True)
class LocalStackServer:
    """A LocalStack whose program is on this machine, so that no Docker runs it; stopped or killed, it knows nothing."""

    folder: Path
    program: str
    setting: pytest.MonkeyPatch
    port: int = field(default_factory=launch.find_free_port)

    def up(self) -> Stack:  # noqa: D102
        self.folder.mkdir(parents=True, exist_ok=True)
        ready = self.folder / "etc" / "localstack" / "init" / "ready.d"
        ready.mkdir(parents=True, exist_ok=True)
        shutil.copy(READY, ready)
        # Its functions inherit its environment, and what the tests set would lead them elsewhere.
        clean = {name: os.environ[name] for name in ("PATH", "AWS_DEFAULT_REGION")} | {"HOME": str(self.folder)}
        self._run("start", clean)
        self.setting.setenv("LOCALSTACK_ENDPOINT", f"http://127.0.0.1:{self.port}")
        return local_stack.up(self.folder / "state", "localstack", QUICK)

    def stop(self) -> None:  # noqa: D102
        self._run("stop")

    def kill(self) -> None:  # noqa: D102
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):  # a function that has followed its LocalStack
                process.kill()
        (self.folder / "localstack.pid").unlink(missing_ok=True)

    def remove(self) -> None:  # noqa: D102
        self.kill()

    def _processes(self) -> list[psutil.Process]:
        """Return LocalStack's process and those of its functions."""
        noted = self.folder / "localstack.pid"
        if not noted.exists():
            return []
        try:
            process = psutil.Process(int(noted.read_text()))
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _run(self, verb: str, environment: dict[str, str] | None = None) -> None:
        command = [self.program, "--port", str(self.port), "--data", str(self.folder), verb]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


def own_server(engine: str, folder: Path, setting: pytest.MonkeyPatch) -> OwnServer:
    """Return the engine for a test; skip it where there is only a LocalStack that others use, too."""
    if engine == "embedded":
        return EmbeddedServer(folder)
    program = os.environ.get(PROGRAM)
    if program is None:
        pytest.skip(f"this LocalStack is not ours to kill, and {PROGRAM} names none that could be started")
    return LocalStackServer(folder, program, setting)
