"""Processes that outlive the command that started them: told apart, and ended without a trace."""

import contextlib
from collections.abc import Iterable

import psutil

#: Creation times are floats that have been through a file.
_TOLERANCE_SECONDS = 0.01


def find(pid: int, created: float) -> psutil.Process | None:
    """Return the process that was started then; None when it is gone or the number is another's now."""
    try:
        process = psutil.Process(pid)
        alive = abs(process.create_time() - created) < _TOLERANCE_SECONDS
        return process if alive and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def listens(process: psutil.Process, port: int) -> bool:
    """Tell whether it is this process that has the port."""
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(line.status == psutil.CONN_LISTEN and line.laddr[1] == port for line in connections)


def family(process: psutil.Process) -> list[psutil.Process]:
    """List the process and all that it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def end(processes: Iterable[psutil.Process], *, grace_seconds: float) -> None:
    """Ask each to end, and kill those that have not within ``grace_seconds``."""
    waiting = list(processes)
    for process in waiting:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(waiting, timeout=grace_seconds)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=grace_seconds)
