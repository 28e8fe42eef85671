"""Confinement of a child process before it reads the first byte of an image.

Three layers. Each one holds if the system refuses the others, except where ``docs/security.md`` says otherwise:

1. Limits and another user: no new descriptor, process or file content, whatever the system. Linux and macOS.
2. Namespaces and Landlock: nothing outside of the child is visible.
3. A filter that allows only the system calls that rendering needs.
"""

import os
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.sandbox.landlock import forbid_all_access
from worker.sandbox.libc import IS_LINUX, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, call, set_process_flag
from worker.sandbox.namespaces import enter_namespaces, forbid_shared_memory, hide_files
from worker.sandbox.syscalls import install_filter

#: First user ID of the range that systemd reserves for services without a user of their own (61184 to 65519), which
#: so belong to nobody. See "Users, Groups, UIDs and GIDs on systemd Systems".
_FIRST_USER: Final = 61_184
_USERS: Final = 4_336
#: linux/capability.h: _LINUX_CAPABILITY_VERSION_3
_CAPABILITY_VERSION: Final = 0x20080522

#: Limits that are zero. No descriptor means no file, socket, directory, program or pipe that the child does not have
#: yet, and no way to its parent's memory and environment in ``/proc``.
_ZERO_LIMITS: Final = {
    "file_size": "RLIMIT_FSIZE",
    "core": "RLIMIT_CORE",
    "processes": "RLIMIT_NPROC",
    "locked_memory": "RLIMIT_MEMLOCK",
    "message_queues": "RLIMIT_MSGQUEUE",
    "files": "RLIMIT_NOFILE",
}


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a child has applied to itself."""

    #: Names of the measures, in their order.
    applied: tuple[str, ...]
    #: The child's process ID outside of its namespace; None if it is still the process that the worker started.
    process_id: int | None


def confine(memory_bytes: int, cpu_seconds: int, *, without: frozenset[str] = frozenset()) -> Confinement:
    """Apply all measures that the system supports.

    ``memory_bytes`` is the address space in addition to what is in use. ``cpu_seconds`` limits the whole life of the
    process; the worker limits each image. ``without`` names measures to leave out, so that tests can show what the
    others do. Afterwards the process cannot open anything, so everything must be imported and loaded before.
    """
    applied: list[str] = []

    def take(name: str, measure: Callable[[], object]) -> object:
        if name in without:
            return None
        try:
            result = measure()
        except (OSError, ValueError, AttributeError):  # refused, above a hard limit, or unknown to this system
            return None
        applied.append(name)
        return result

    process_id = None
    if IS_LINUX:
        # Entries of /proc/self belong to root once the process is not dumpable, so write them first.
        take("oom_score", _prefer_for_oom_kill)
        address_space = _get_address_space()
        if "namespaces" not in without and (process_id := enter_namespaces()):
            applied.append("namespaces")
            take("no_shared_memory", forbid_shared_memory)
            take("no_files", hide_files)
        take("no_new_privileges", lambda: set_process_flag(PR_SET_NO_NEW_PRIVS, 1))
        take("landlock", forbid_all_access)
        take("user", _drop_privileges)
        take("dumpable", hide_memory)
        take("memory", lambda: _limit("RLIMIT_AS", address_space + memory_bytes))
    take("cpu_time", lambda: _limit("RLIMIT_CPU", cpu_seconds))
    for name, limit in _ZERO_LIMITS.items():
        take(name, lambda limit=limit: _limit(limit, 0))  # type: ignore[misc]
    if IS_LINUX:
        take("system_calls", install_filter)
    return Confinement(tuple(applied), process_id)
