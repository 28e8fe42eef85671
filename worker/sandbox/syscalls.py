"""A seccomp filter: all system calls fail with EPERM except those that rendering needs.

The list was measured with every input format, output format and operation, and is held to that by
``tests/hostile/test_intruder.py``. The numbers come from the Linux sources (arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h). The filter is a classic BPF program that reads ``struct seccomp_data``.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from worker.sandbox.libc import PR_SET_SECCOMP, call

#: System calls by name, with their numbers on x86_64 and aarch64.
ALLOWED: Final = {
    # pipes that are already open
    "read": (0, 63), "readv": (19, 65), "write": (1, 64), "writev": (20, 66), "close": (3, 57), "fstat": (5, 80),
    # memory
    "brk": (12, 214), "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226),
    "madvise": (28, 233),
    # the process itself
    "futex": (202, 98), "sched_yield": (24, 124), "getpid": (39, 172), "gettid": (186, 178), "tgkill": (234, 131),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128), "exit": (60, 93), "exit_group": (231, 94),
    # what Python reads
    "clock_gettime": (228, 113), "getrandom": (318, 278), "getcwd": (79, 17),
}  # fmt: skip
#: AUDIT_ARCH of linux/audit.h by ``platform.machine()``, in the order of the numbers above. Both are little endian.
ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_MAP_SHARED, _PROT_EXEC, _NO_DESCRIPTOR = 0x01, 0x04, 0xFFFFFFFF
_WHOLE: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Condition:
    """A system call is allowed only if the low 32 bits of one argument, masked, have this value."""

    argument: int
    mask: int
    value: int


_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_REFUSE: Final = 0x00050000 | errno.EPERM  # SECCOMP_RET_ERRNO
_ALLOW: Final = 0x7FFF0000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_X32: Final = 0x40000000  # start of the numbers of another table on x86_64
_SECCOMP_MODE_FILTER: Final = 2

_Step = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    """``struct sock_fprog`` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install_filter() -> None:
    """Install the filter permanently. Raises OSError if the system or this processor does not support it.

    The process must have set PR_SET_NO_NEW_PRIVS before.
    """
    instructions = assemble_filter(platform.machine(), os.getpid())
    program = _Program(len(instructions) // 8, instructions)
    call("prctl", PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0)


def assemble_filter(machine: str, own_id: int) -> bytes:
    """Return the filter program, eight bytes per instruction (``struct sock_filter``).

    ``machine`` is a name of ``ARCHITECTURES``; raises OSError for others. ``own_id`` is the process ID.
    """
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no system call numbers for {machine}")
    position = list(ARCHITECTURES).index(machine)
    conditions = _list_conditions(own_id)
    steps: list[_Step] = [
        (_LOAD, 0, 0, _ARCH),
        (_IF_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
    ]
    for name, numbers in ALLOWED.items():
        steps += _allow(numbers[position], conditions.get(name, ()))
    steps.append((_RETURN, 0, 0, _REFUSE))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def _list_conditions(own_id: int) -> Mapping[str, tuple[Condition, ...]]:
    private = Condition(3, _MAP_SHARED, 0)
    no_file = Condition(4, _WHOLE, _NO_DESCRIPTOR)
    not_executable = Condition(2, _PROT_EXEC, 0)
    return {
        "mmap": (private, no_file, not_executable),
        "mprotect": (not_executable,),
        # abort() of the C library.
        "tgkill": (Condition(0, _WHOLE, own_id),),
    }


def _allow(number: int, conditions: Iterable[Condition]) -> Iterator[_Step]:
    """Yield the instructions for one system call. They end the program if its number is loaded, else change nothing."""
    checks = list(conditions)
    yield _IF_EQUAL, 0, 3 * len(checks) + (2 if checks else 1), number
    for place, check in enumerate(checks):
        remaining = len(checks) - place - 1
        yield _LOAD, 0, 0, _FIRST_ARGUMENT + 8 * check.argument
        yield _AND, 0, 0, check.mask
        yield _IF_EQUAL, 0, 3 * remaining + 1, check.value
    yield _RETURN, 0, 0, _ALLOW
    if checks:
        yield _RETURN, 0, 0, _REFUSE
