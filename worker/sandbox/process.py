"""One child process, which renders one image at a time and is killed after its deadline."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import ResourceLimit, SandboxUnavailable, TimedOut
from worker.sandbox.budget import Budget
from worker.sandbox.pipes import DeadlinePassed, PipeClosed, configure_pipe, receive, send
from worker.sandbox.protocol import LENGTH, MAX_HEADER_BYTES, Answer, Ready, Request

_Frame = TypeVar("_Frame", bound=BaseModel)

PROGRAM: Final = ("-m", "worker.sandbox.child")
# No working directory in sys.path, no user packages, no site module, no bytecode files.
_FLAGS: Final = ("-P", "-s", "-S", "-B")
#: Time for the imports. They take 0.15 s on a laptop and can take several seconds during a cold start.
READY_SECONDS: Final = 15
#: A child is replaced after this many images, to limit the effect of memory leaks.
MAX_RECORDS: Final = 100


class _InvalidAnswer(Exception):
    """The child's answer is not valid."""


class Child:
    """A process that renders images. Not thread-safe."""

    def __init__(self, budget: Budget, environment: Mapping[str, str], program: Sequence[str] = PROGRAM) -> None:
        """Start the process and return without waiting until it is ready.

        Raises SandboxUnavailable if the system cannot start a process. The process gets no environment variables
        except ``environment``, the Python path, a private folder and the locale.
        """
        self._budget = budget
        self._folder = tempfile.TemporaryDirectory(prefix="safelight-", ignore_cleanup_errors=True)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, run by our own interpreter
                (sys.executable, *_FLAGS, *program, str(budget.memory_bytes), str(budget.seconds)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self._folder.name,
                env=_build_environment(environment, self._folder.name),
                process_group=0,  # Ctrl-C in a terminal ends only the parent.
                bufsize=0,
            )
        except OSError as error:
            self._folder.cleanup()
            raise SandboxUnavailable from error
        assert self._process.stdin is not None  # noqa: S101 - requested above; for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self._input, self._output = configure_pipe(self._process.stdin), configure_pipe(self._process.stdout)
        self._records = 0
        self._is_synchronized = True
        self.ready: Ready | None = None

    @property
    def id(self) -> int:
        """Return the process ID."""
        return self._process.pid

    @property
    def healthy(self) -> bool:
        """Return True if the process is running, has answered every request and need not be replaced yet."""
        return self._is_synchronized and self._records < MAX_RECORDS and self._process.poll() is None

    def run(self, request: Request, parts: Sequence[bytes]) -> tuple[Answer, list[bytes]]:
        """Render one image, and return the answer and the raw data of the outputs.

        Raises TimedOut if the image needs more time than the budget allows, ResourceLimit if the child crashes or
        sends an invalid answer, and SandboxUnavailable if the child does not become ready.
        """
        self._wait_until_ready()
        self._is_synchronized = False
        self._records += 1
        deadline = time.monotonic() + self._budget.seconds
        try:
            for part in (request.head(), *parts):
                send(self._input, part, deadline)
            answer = self._read(Answer, deadline)
            outputs = self._read_parts(answer.sizes, deadline)
        except DeadlinePassed as error:
            self.close()
            raise TimedOut from error
        except (PipeClosed, _InvalidAnswer, ValidationError) as error:
            status = self.close()
            raise (TimedOut if status == -signal.SIGXCPU else ResourceLimit) from error
        self._is_synchronized = True
        return answer, outputs

    def close(self) -> int:
        """Kill the process and return its exit status."""
        self._is_synchronized = False
        self._process.kill()
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
        if self.ready is not None:
            return
        try:
            self.ready = self._read(Ready, time.monotonic() + READY_SECONDS)
        except (DeadlinePassed, PipeClosed, _InvalidAnswer, ValidationError) as error:
            self.close()
            raise SandboxUnavailable from error

    def _read(self, frame: type[_Frame], deadline: float) -> _Frame:
        (length,) = LENGTH.unpack(receive(self._output, LENGTH.size, deadline))
        if length > MAX_HEADER_BYTES:
            raise _InvalidAnswer
        return frame.model_validate_json(receive(self._output, length, deadline))

    def _read_parts(self, sizes: Sequence[int], deadline: float) -> list[bytes]:
        if sum(sizes) > self._budget.answer_bytes:
            raise _InvalidAnswer
        return [receive(self._output, size, deadline) for size in sizes]


def _build_environment(given: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the ``given`` variables with the path to our code, a private folder and the locale."""
    here = Path.cwd()
    path = ":".join(str(here / entry) for entry in sys.path)
    return {**given, "PYTHONPATH": path, "TMPDIR": folder, "HOME": folder, "LANG": "C.UTF-8"}
