"""Find and end background processes."""

import contextlib
from collections.abc import Iterable

import psutil

#: Allowed difference between two creation times, because one of them was written to a file as a decimal number.
_TOLERANCE_SECONDS = 0.01


def find_process(pid: int, created: float) -> psutil.Process | None:
    """Return the process with this ID and creation time (seconds since 1970), or None if the process has ended."""
    try:
        process = psutil.Process(pid)
        alive = abs(process.create_time() - created) < _TOLERANCE_SECONDS
        return process if alive and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def is_listening(process: psutil.Process, port: int) -> bool:
    """Return True if this process listens on the port."""
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(line.status == psutil.CONN_LISTEN and line.laddr[1] == port for line in connections)


def list_family(process: psutil.Process) -> list[psutil.Process]:
    """Return the process and all its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def kill_processes(targets: Iterable[psutil.Process], *, seconds: float) -> None:
    """Kill all processes, and wait up to ``seconds`` until they have ended."""
    waiting = list(targets)
    for process in waiting:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(waiting, timeout=seconds)


def end_processes(processes: Iterable[psutil.Process], *, grace_seconds: float) -> None:
    """Terminate all processes, and kill those that are still running after ``grace_seconds``."""
    waiting = list(processes)
    for process in waiting:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(waiting, timeout=grace_seconds)
    kill_processes(stubborn, seconds=grace_seconds)
