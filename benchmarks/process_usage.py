"""CPU time, elapsed time and peak memory of a program that runs in its own process."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Usage:
    """The resource usage of one process and its children."""

    #: User and system CPU seconds of all threads.
    cpu: float
    #: Elapsed seconds.
    wall: float
    #: Peak resident memory in bytes.
    peak: int


class ProgramFailed(Exception):
    """The program ended with an error. The message is the end of its standard error."""


def measure(command: Sequence[str]) -> Usage:
    """Run a program and return its resource usage. Raises ProgramFailed if the program fails.

    The memory of this process must stay small, because a child starts with the memory of its parent, and Linux includes
    this memory in the child's peak.
    """
    started = time.perf_counter()
    folders = (str(ROOT), str(ROOT / "benchmarks"), *filter(None, [os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ProgramFailed(errors.decode(errors="replace")[-400:].strip())
    return Usage(cpu=used.ru_utime + used.ru_stime, wall=time.perf_counter() - started, peak=used.ru_maxrss * 1024)
