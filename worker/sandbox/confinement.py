"""What a child gives up before it sees the first byte of an image.

Each measure is taken where the system has it; ``confine`` returns the names of those that were. What none
of them can do: the child still runs as the worker's user and can read the files which that user can read.
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
    """Take every measure; ``memory_bytes`` is the address space to leave beyond what is in use now.

    Nothing is left of: starting processes and threads, opening sockets, writing files, core dumps,
    touching other processes.
    """
    measures: dict[str, Callable[[], bool]] = {
        # /proc/self is root's from the moment that the process is not dumpable: its own entries first.
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
    """Allow so much processor time from now on; beyond it the kernel sends SIGXCPU, which kills."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def hide_memory() -> bool:
    """Keep processes of the same user out of this one's memory and environment; return whether that worked.

    The worker does this too: its environment in ``/proc`` holds credentials.
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
    """Return the bytes of address space in use, where /proc tells."""
    try:
        return int(Path("/proc/self/statm").read_text("utf-8").split()[0]) * resource.getpagesize()
    except FileNotFoundError:
        return None


def _prefer_for_oom_kill() -> bool:
    """Let the kernel kill this process, not its parent, when the function's memory is used up."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "utf-8")
        return True
    return False


def _prctl(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)) == 0
