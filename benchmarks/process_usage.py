"""One run of a program in a process of its own: what it took of processor, time and memory."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process and its children took."""

    #: Seconds, user and system, of all threads.
    cpu: float
    #: Seconds.
    wall: float
    #: Most memory that was resident at once, bytes.
    peak: int


class ProgramFailed(Exception):
    """The program ended with an error; the text is the end of what it said."""


def measure(command: Sequence[str]) -> Usage:
    """Run a program to its end. Raises ProgramFailed.

    The memory of this process must stay small: Linux counts what a child inherits while it is being
    started as the child's own peak.
    """
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "benchmarks")))}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read() if process.stderr else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ProgramFailed(said.decode(errors="replace")[-400:].strip())
    return Usage(cpu=used.ru_utime + used.ru_stime, wall=time.perf_counter() - started, peak=used.ru_maxrss * 1024)
