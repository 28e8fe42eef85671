"""Confinement of a child process before it reads the first byte of an image.

Three independent layers, for systems that refuse some of them. ``docs/security.md`` says what holds where.

1. Limits, and another user if the worker is root: nothing new can be opened, started or written.
2. Namespaces and Landlock: nothing outside of the child is visible.
3. A seccomp filter that allows only the system calls that rendering needs.
"""

import os
import resource
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from worker.sandbox.landlock import forbid_all_access
from worker.sandbox.libc import IS_LINUX, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, call, set_process_flag
from worker.sandbox.namespaces import enter_namespaces, forbid_shared_memory, hide_files
from worker.sandbox.syscalls import install_filter

#: Measures of each layer, in the order in which they are applied.
LAYERS: Final = {
    "limits": (
        *("oom_score", "user", "memory", "cpu_time", "file_size", "core", "processes", "locked_memory"),
        *("message_queues", "files"),
    ),
    "namespaces": ("namespaces", "no_shared_memory", "no_files", "landlock", "no_capabilities"),
    "system_calls": ("no_new_privileges", "not_dumpable", "system_calls"),
}
ALL_MEASURES: Final = frozenset(name for names in LAYERS.values() for name in names)

#: The range of user IDs that systemd reserves for services, and that so belong to nobody else: see "Users, Groups,
#: UIDs and GIDs on systemd Systems".
_USERS: Final = range(61_184, 65_520)
#: _LINUX_CAPABILITY_VERSION_3 of linux/capability.h, and the two words of each of its three sets.
_CAPABILITY_VERSION: Final = 0x20080522
_NO_CAPABILITIES: Final = bytes(24)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a child has applied to itself."""

    #: Names of the measures that the system supports.
    applied: tuple[str, ...]
    #: The child's process ID outside of its namespaces; None if it is still the process that the worker started.
    process_id: int | None


def confine(memory_bytes: int, cpu_seconds: int, *, without: frozenset[str] = frozenset()) -> Confinement:
    """Apply all measures that the system supports, except those named in ``without``, which is for tests.

    ``memory_bytes`` is the address space in addition to what is in use. ``cpu_seconds`` limits the whole life of the
    process; the worker limits each image. Afterwards the process cannot open anything, so everything must be imported
    and loaded before.
    """
    applied = []
    process_id = None
    for name, measure in _list_measures(memory_bytes, cpu_seconds):
        if name in without:
            continue
        try:
            result = measure()
        except (OSError, ValueError, AttributeError):  # refused, above a hard limit, or unknown to this system
            continue
        applied.append(name)
        if name == "namespaces":
            process_id = result
    return Confinement(tuple(applied), process_id)


def list_complete_layers(applied: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the layers of which a child has applied every measure."""
    found = set(applied)
    return tuple(layer for layer, names in LAYERS.items() if found.issuperset(names))


def hide_memory() -> None:
    """Hide memory and environment from processes of the same user. Raises OSError if the system refuses.

    The worker does this too, because its environment in ``/proc`` contains credentials.
    """
    set_process_flag(PR_SET_DUMPABLE, 0)


def _list_measures(memory_bytes: int, cpu_seconds: int) -> Iterator[tuple[str, Callable[[], int | None]]]:
    """Yield the measures that exist on this kind of system, by name. The order matters."""
    if IS_LINUX:
        in_use = _get_address_space()
        # Entries of /proc/self belong to root once the process is not dumpable, and hide_files hides them.
        yield "oom_score", _prefer_for_oom_kill
        yield "user", _leave_root
        yield "namespaces", enter_namespaces
        yield "no_shared_memory", forbid_shared_memory
        yield "no_files", hide_files
        yield "no_new_privileges", partial(set_process_flag, PR_SET_NO_NEW_PRIVS, 1)
        yield "landlock", forbid_all_access
        yield "no_capabilities", _drop_capabilities
        yield "not_dumpable", hide_memory
        yield "memory", partial(_limit, "RLIMIT_AS", in_use + memory_bytes)
    yield "cpu_time", partial(_limit, "RLIMIT_CPU", cpu_seconds)
    yield "file_size", partial(_limit, "RLIMIT_FSIZE", 0)
    yield "core", partial(_limit, "RLIMIT_CORE", 0)
    yield "processes", partial(_limit, "RLIMIT_NPROC", 0)
    yield "locked_memory", partial(_limit, "RLIMIT_MEMLOCK", 0)
    if IS_LINUX:
        yield "message_queues", partial(_limit, "RLIMIT_MSGQUEUE", 0)
    # No descriptor: no file, directory, socket or pipe, nor the parent's memory and environment in /proc.
    yield "files", partial(_limit, "RLIMIT_NOFILE", 0)
    if IS_LINUX:
        yield "system_calls", install_filter


def _limit(name: str, value: int) -> None:
    resource.setrlimit(getattr(resource, name), (value, value))


def _get_address_space() -> int:
    """Return the address space in use, bytes."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[0]) * resource.getpagesize()


def _prefer_for_oom_kill() -> None:
    """Make the kernel kill this process first, not its parent, when memory runs out."""
    Path("/proc/self/oom_score_adj").write_text("1000", "utf-8")


def _leave_root() -> None:
    """Become a user that owns nothing, if the process is root."""
    if os.geteuid() == 0:
        user = _USERS[os.getpid() % len(_USERS)]
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        # The change has given the entries of /proc/self to root. enter_namespaces writes some of them.
        set_process_flag(PR_SET_DUMPABLE, 1)


def _drop_capabilities() -> None:
    """Give up the capabilities that a new user namespace gives."""
    call("capset", struct.pack("=II", _CAPABILITY_VERSION, 0), _NO_CAPABILITIES)
