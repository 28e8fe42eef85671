"""One child process, which renders one image at a time and is killed after its deadline."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import RenderInterrupted, ResourceLimit, SandboxUnavailable, TimedOut
from worker.sandbox.budget import Budget
from worker.sandbox.pipes import (
    CpuTimeUsed,
    DeadlinePassed,
    PipeClosed,
    TimeLimit,
    configure_pipe,
    get_cpu_clock,
    read_cpu_time,
    receive,
    send,
)
from worker.sandbox.protocol import HEIF_OPTION, LENGTH, MAX_HEADER_BYTES, Answer, Ready, Request

_Frame = TypeVar("_Frame", bound=BaseModel)

PROGRAM: Final = ("-m", "worker.sandbox.child")
# No working directory in sys.path, no user packages, no site module, no bytecode files.
_FLAGS: Final = ("-P", "-s", "-S", "-B")
#: Time for the imports. They take 0.15 s on an idle laptop, and much longer if all processors are busy.
READY_SECONDS: Final = 60
#: Time for a killed process to end.
KILL_SECONDS: Final = 5
#: A child is replaced after this many images, to limit the effect of memory leaks. The start of a child takes as much
#: CPU time as four photographs (``benchmarks/child_processes.py``).
MAX_RECORDS: Final = 500


class _InvalidAnswer(Exception):
    """The child's answer is not valid."""


class Child:
    """A process that renders images. Not thread-safe."""

    def __init__(
        self, budget: Budget, environment: Mapping[str, str], program: Sequence[str] = PROGRAM, *, heif: bool = False
    ) -> None:
        """Start the process and return without waiting until it is ready. With ``heif``, it can decode HEIC.

        Raises SandboxUnavailable if the system cannot start a process. The process gets no environment variables
        except ``environment``, the Python path, the locale and a setting of pydantic.
        """
        self._budget = budget
        self.has_heif = heif
        arguments = [str(budget.memory_bytes), str(budget.cpu_seconds * (MAX_RECORDS + 1))]
        arguments += [HEIF_OPTION] if heif else []
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, run by our own interpreter
                (sys.executable, *_FLAGS, *program, *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_build_environment(environment),
                process_group=0,  # Ctrl-C in a terminal ends only the parent.
                bufsize=0,
            )
        except OSError as error:
            raise SandboxUnavailable from error
        assert self._process.stdin is not None  # noqa: S101 - requested above; for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self._input, self._output = configure_pipe(self._process.stdin), configure_pipe(self._process.stdout)
        self._records = 0
        self._is_synchronized = True
        self._cpu_clock: int | None = None
        #: Refers to the process in the child's namespaces, if there is one. Unlike its ID, it can't be reused.
        self._inner: int | None = None
        self.ready: Ready | None = None

    @property
    def id(self) -> int:
        """Return the process ID."""
        return self._process.pid

    @property
    def healthy(self) -> bool:
        """Return True if the process is running, has answered every request and need not be replaced yet."""
        return self._is_synchronized and self._records < MAX_RECORDS and self._process.poll() is None

    def wait_until_ready(self) -> Ready:
        """Wait until the process is confined, and return what it reports. Raises SandboxUnavailable if it fails."""
        if self.ready is not None:
            return self.ready
        try:
            self.ready = self._read(Ready, TimeLimit(time.monotonic() + READY_SECONDS))
            if self.ready.process_id is not None:
                self._inner = os.pidfd_open(self.ready.process_id)
        except (DeadlinePassed, PipeClosed, _InvalidAnswer, ValidationError, OSError) as error:
            self.close()
            raise SandboxUnavailable from error
        self._cpu_clock = get_cpu_clock(self.ready.process_id or self._process.pid)
        return self.ready

    def run(
        self, request: Request, parts: Sequence[bytes], *, end_by: float | None = None
    ) -> tuple[Answer, list[bytes]]:
        """Render one image, and return the answer and the raw data of the outputs.

        Raises TimedOut if the image needs more CPU time than the budget allows, and ResourceLimit if the child sends
        an invalid answer. Both are the image's fault. Raises RenderInterrupted if the child ends without an answer,
        or has none at ``end_by`` (``time.monotonic``): another process may have killed or starved it. Raises
        SandboxUnavailable if the child does not become ready.
        """
        self.wait_until_ready()
        self._is_synchronized = False
        self._records += 1
        latest = time.monotonic() + self._budget.wall_seconds
        limit = TimeLimit(
            latest if end_by is None else min(latest, end_by),
            self._cpu_clock,
            read_cpu_time(self._cpu_clock) + self._budget.cpu_seconds,
        )
        try:
            for part in (request.head(), *parts):
                send(self._input, part, limit)
            answer = self._read(Answer, limit)
            outputs = self._read_parts(answer.sizes, limit)
        except CpuTimeUsed as error:
            self.close()
            raise TimedOut from error
        except (DeadlinePassed, PipeClosed) as error:
            self.close()
            raise RenderInterrupted from error
        except (_InvalidAnswer, ValidationError) as error:
            self.close()
            raise ResourceLimit from error
        self._is_synchronized = True
        return answer, outputs

    def close(self) -> None:
        """Kill the process and wait until it has ended. Idempotent."""
        self._is_synchronized = False
        if self._inner is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._inner, signal.SIGKILL)
            os.close(self._inner)
            self._inner = None
            # The outer process removes the inner one from the process table and ends.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(KILL_SECONDS)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, frame: type[_Frame], limit: TimeLimit) -> _Frame:
        (length,) = LENGTH.unpack(receive(self._output, LENGTH.size, limit))
        if length > MAX_HEADER_BYTES:
            raise _InvalidAnswer
        return frame.model_validate_json(receive(self._output, length, limit))

    def _read_parts(self, sizes: Sequence[int], limit: TimeLimit) -> list[bytes]:
        if sum(sizes) > self._budget.answer_bytes:
            raise _InvalidAnswer
        return [receive(self._output, size, limit) for size in sizes]


def _build_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the ``given`` variables with the path to our code and the locale.

    Without the last variable, pydantic would read the metadata of all installed packages to find plug-ins.
    """
    here = Path.cwd()
    path = ":".join(str(here / entry) for entry in sys.path)
    return {**given, "PYTHONPATH": path, "LANG": "C.UTF-8", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
