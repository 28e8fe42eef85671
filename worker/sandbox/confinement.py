"""Confinement of a child process before it reads the first byte of an image.

Each measure is applied where the system supports it. The child still runs as the worker's user and can read that
user's files.
"""

import ctypes
import math
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from worker.sandbox.syscalls import install_filter

OPEN_FILES: Final = 16
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def confine(memory_bytes: int) -> tuple[str, ...]:
    """Apply all measures and return the names of those that the system supports.

    ``memory_bytes`` is the address space in addition to what is in use. Afterwards the process cannot start processes
    or threads, open sockets, write files, dump core or access other processes.
    """
    measures: dict[str, Callable[[], bool]] = {
        # Entries of /proc/self belong to root once the process is not dumpable, so write them first.
        "oom_score": _prefer_for_oom_kill,
        "memory": lambda: _limit_memory(memory_bytes),
        "files": lambda: _limit("RLIMIT_NOFILE", OPEN_FILES),
        "file_size": lambda: _limit("RLIMIT_FSIZE", 0),
        "core": lambda: _limit("RLIMIT_CORE", 0),
        "processes": lambda: _limit("RLIMIT_NPROC", 0),
        "dumpable": hide_memory,
        "privileges": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "system_calls": install_filter,
    }
    return tuple(name for name, take in measures.items() if take())


def limit_cpu_time(seconds: int) -> None:
    """Limit CPU time from now on. Above it, the kernel sends SIGXCPU, which kills the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def hide_memory() -> bool:
    """Hide memory and environment from processes of the same user; return True on success.

    The worker does this too, because its environment in ``/proc`` contains credentials.
    """
    return _prctl(_PR_SET_DUMPABLE, 0)


def _limit(name: str, value: int) -> bool:
    number = getattr(resource, name, None)
    if number is None:
        return False
    with suppress(OSError, ValueError):
        resource.setrlimit(number, (value, value))
        return True
    return False


def _limit_memory(memory_bytes: int) -> bool:
    in_use = _get_address_space()
    return in_use is not None and _limit("RLIMIT_AS", in_use + memory_bytes)


def _get_address_space() -> int | None:
    """Return the address space in use, bytes; None without /proc."""
    try:
        return int(Path("/proc/self/statm").read_text("utf-8").split()[0]) * resource.getpagesize()
    except FileNotFoundError:
        return None


def _prefer_for_oom_kill() -> bool:
    """Make the kernel kill this process first, not its parent, when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "utf-8")
        return True
    return False


def _prctl(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)) == 0
