"""A seccomp filter. A system call fails with EPERM if an attacker could use it and a decoder does not need it.

The system call numbers come from the Linux sources (arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h). The filter is a classic BPF program that reads ``struct seccomp_data``.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """System calls of one processor architecture, by number."""

    #: The AUDIT_ARCH value in linux/audit.h.
    arch: int
    denied: Mapping[str, int]
    #: System calls that are allowed only if their first argument is the process's own ID or 0, which means the same.
    own_only: Mapping[str, int]


X86_64: Final = Machine(
    arch=0xC000003E,
    denied={
        # network
        "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46, "bind": 49, "listen": 50,
        "socketpair": 53, "accept4": 288,
        # new processes, threads and programs
        "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "clone3": 435,
        # other processes
        "kill": 62, "tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "ptrace": 101,
        "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_send_signal": 424, "pidfd_open": 434,
        "pidfd_getfd": 438,
        # ways around this filter, and common attack paths into the kernel
        "io_uring_setup": 425, "bpf": 321, "userfaultfd": 323, "perf_event_open": 298, "add_key": 248,
        "request_key": 249, "keyctl": 250, "mount": 165, "unshare": 272, "setns": 308, "memfd_create": 319,
    },
    own_only={"tgkill": 234, "prlimit64": 302},
)  # fmt: skip
AARCH64: Final = Machine(
    arch=0xC00000B7,
    denied={
        "socket": 198, "connect": 203, "accept": 202, "sendto": 206, "sendmsg": 211, "bind": 200, "listen": 201,
        "socketpair": 199, "accept4": 242,
        "clone": 220, "execve": 221, "execveat": 281, "clone3": 435,
        "kill": 129, "tkill": 130, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "ptrace": 117,
        "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_send_signal": 424, "pidfd_open": 434,
        "pidfd_getfd": 438,
        "io_uring_setup": 425, "bpf": 280, "userfaultfd": 282, "perf_event_open": 241, "add_key": 217,
        "request_key": 218, "keyctl": 219, "mount": 40, "unshare": 97, "setns": 268, "memfd_create": 279,
    },
    own_only={"tgkill": 131, "prlimit64": 261},
)  # fmt: skip
MACHINES: Final = {"x86_64": X86_64, "aarch64": AARCH64}

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_REFUSE: Final = 0x00050000 | errno.EPERM  # SECCOMP_RET_ERRNO
_ALLOW: Final = 0x7FFF0000
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; both machines are little endian
_X32: Final = 0x40000000  # start of another table on x86_64
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2


class _Program(ctypes.Structure):
    """``struct sock_fprog`` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install_filter() -> bool:
    """Install the filter permanently. Return True if the system supports it.

    The process must set PR_SET_NO_NEW_PRIVS before this call.
    """
    machine = MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return False
    instructions = assemble_filter(machine, os.getpid())
    described = _Program(len(instructions) // 8, instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described), 0, 0)) == 0


def assemble_filter(machine: Machine, own_id: int) -> bytes:
    """Return the filter program. Each instruction takes eight bytes (``struct sock_filter``)."""
    checks = [(_IF_EQUAL, 0, 1, number) for number in machine.denied.values()]
    return b"".join(
        _assemble(
            [
                (_LOAD, 0, 0, _ARCH),
                (_IF_EQUAL, 1, 0, machine.arch),
                (_RETURN, 0, 0, _KILL),
                (_LOAD, 0, 0, _NUMBER),
                (_IF_AT_LEAST, 0, 1, _X32),
                (_RETURN, 0, 0, _KILL),
                *(step for check in checks for step in (check, (_RETURN, 0, 0, _REFUSE))),
                *(step for number in machine.own_only.values() for step in _assemble_self_only(number, own_id)),
                (_RETURN, 0, 0, _ALLOW),
            ],
        ),
    )


def _assemble_self_only(number: int, own_id: int) -> Iterable[tuple[int, int, int, int]]:
    return (
        (_IF_EQUAL, 0, 5, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_IF_EQUAL, 2, 0, 0),
        (_IF_EQUAL, 1, 0, own_id),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    )


def _assemble(steps: Iterable[tuple[int, int, int, int]]) -> Iterable[bytes]:
    for code, if_true, if_false, value in steps:
        yield struct.pack("<HBBI", code, if_true, if_false, value)
