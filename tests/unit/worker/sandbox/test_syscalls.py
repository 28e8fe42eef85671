"""The seccomp filter, run by a small interpreter of its program, against the kernel's tables of system calls."""

import errno
import struct

import pytest
import system_calls

from worker.sandbox.syscalls import ALLOWED, ARCHITECTURES, assemble_filter

OWN_ID = 4711
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
#: Names of the machines in the tables.
TABLES = {"x86_64": "x86_64", "aarch64": "arm64"}
ANONYMOUS = (0, 4096, 0x3, 0x22, -1)  # mmap: readable and writable, private, without a file
#: Arguments with which a system call that has conditions is allowed.
GOOD_ARGUMENTS = {"mmap": ANONYMOUS, "mprotect": (0, 4096, 0x3), "tgkill": (OWN_ID, OWN_ID, 6)}


def decide(machine: str, number: int, arguments: tuple[int, ...] = (), *, arch: int | None = None) -> int:
    """Return what the filter returns for a system call, as the kernel's interpreter of classic BPF would."""
    padded = [value & (2**64 - 1) for value in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("<IIQ6Q", number, ARCHITECTURES[machine] if arch is None else arch, 0, *padded)
    code = assemble_filter(machine, OWN_ID)
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, value = struct.unpack_from("<HBBI", code, 8 * at)
        at += 1
        if operation == 0x06:
            return int(value)
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == 0x54:
            accumulator &= value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value}[operation]
            at += if_true if holds else if_false


def get_table(machine: str) -> dict[str, int]:
    """Return all system calls of a machine by name, from tables made of the kernel's sources."""
    table = system_calls.syscalls()
    numbers = {}
    for name in table.names():
        try:
            numbers[name] = table.get(name, TABLES[machine])
        except (system_calls.NotSupportedSystemCall, system_calls.NoSuchSystemCall):
            continue
    return numbers


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_only_the_listed_system_calls_are_allowed(machine: str) -> None:
    """Every system call of the kernel, with good arguments: listed ones are allowed, all others refused."""
    table = get_table(machine)
    assert len(table) > 300
    allowed = {name for name, number in table.items() if decide(machine, number, GOOD_ARGUMENTS.get(name, ())) == ALLOW}
    assert allowed == set(ALLOWED)
    others = {decide(machine, number) for number in range(1024) if number not in {table[name] for name in ALLOWED}}
    assert others == {REFUSE}


def test_the_list_has_nothing_dangerous() -> None:
    """No allowed system call opens, sends, starts, signals another process or changes a limit."""
    assert set(ALLOWED) == {
        *("read", "readv", "write", "writev", "close", "fstat", "brk", "mmap", "munmap", "mremap", "mprotect"),
        *("madvise", "futex", "sched_yield", "getpid", "gettid", "tgkill", "rt_sigaction", "rt_sigprocmask"),
        *("rt_sigreturn", "sigaltstack", "restart_syscall", "exit", "exit_group", "clock_gettime", "getrandom"),
        "getcwd",
    }


BAD_ARGUMENTS = [
    ("mmap", (0, 4096, 0x3, 0x21, -1)),  # shared
    ("mmap", (0, 4096, 0x3, 0x03, -1)),  # shared, validated
    ("mmap", (0, 4096, 0x3, 0x02, 3)),  # a file
    ("mmap", (0, 4096, 0x7, 0x22, -1)),  # executable
    ("mmap", (0, 4096, 0x5, 0x22, -1)),
    ("mprotect", (0, 4096, 0x5)),
    ("mprotect", (0, 4096, 0x7)),
    ("tgkill", (1, 1, 9)),  # another process
    ("tgkill", (0, OWN_ID, 9)),
    ("tgkill", (OWN_ID + 1, OWN_ID, 9)),
]


@pytest.mark.parametrize(("name", "arguments"), BAD_ARGUMENTS)
@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_arguments_are_checked(machine: str, name: str, arguments: tuple[int, ...]) -> None:
    """No shared or executable memory, no file in memory, no signal to another process."""
    assert decide(machine, get_table(machine)[name], arguments) == REFUSE


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_other_tables_of_system_calls_kill_the_process(machine: str) -> None:
    """The same number means another system call on i386, x32 and other processors."""
    for arch in (0x40000003, 0x40000028, 0xC00000F3, *(set(ARCHITECTURES.values()) - {ARCHITECTURES[machine]})):
        assert decide(machine, 0, arch=arch) == KILL
    for number in (0x40000000, 0x40000000 | 39, 0xFFFFFFFF):
        assert decide(machine, number) == KILL


def test_an_unknown_processor_has_no_filter() -> None:
    """The measure is then reported as missing."""
    with pytest.raises(OSError, match="riscv64"):
        assemble_filter("riscv64", OWN_ID)
