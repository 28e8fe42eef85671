"""Start a program as AWS Lambda starts a function. Run as root: ``python jail.py PLAN``, a JSON object.

The program has a root file system of its own, which is read-only except ``/tmp``, and no ``/dev/shm``. It runs as a
user without capabilities, with Lambda's limits, with ``no_new_privs``, and with a filter that refuses system calls. The
process that starts it is number 1 of a process ID namespace, so all processes end with it.

Numbers are those of x86_64 (``system-calls``, which ``tests/hostile`` compares) and of ``linux/*.h``.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any, Final

_libc: Final = ctypes.CDLL(None, use_errno=True)
NEW_MOUNTS, NEW_HOSTNAME, NEW_IPC, NEW_PROCESS_IDS = 0x00020000, 0x04000000, 0x08000000, 0x20000000
READ_ONLY, NO_SETUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
DETACH: Final = 2
PIVOT_ROOT, SECCOMP = 155, 317
SET_PARENT_DEATH_SIGNAL, SET_NO_NEW_PRIVILEGES = 1, 38
DEVICES: Final = ("null", "zero", "full", "random", "urandom")
SYSTEM_FOLDERS: Final = ("usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
#: Lambda's limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_FILES, MAX_PROCESSES, TEMPORARY_MIB = 1024, 1024, 512

_LOAD, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NEW_USER: Final = 0x10000000
_CLONE: Final = 56


def main() -> None:
    """Build the file system, start the program in it and end like it."""
    plan = json.loads(sys.argv[1])
    for file in plan["cgroups"]:
        Path(file).write_text("0", "utf-8")
    _call("unshare", NEW_MOUNTS | NEW_HOSTNAME | NEW_IPC | NEW_PROCESS_IDS)
    first = os.fork()
    if first:
        _end_with(first)
    _call("prctl", SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    build_root(plan)
    program = os.fork()
    if program:
        _end_with(program)
    become_function(plan)
    os.execve(plan["command"][0], plan["command"], plan["environment"])  # noqa: S606 - no shell


def build_root(plan: dict[str, Any]) -> None:
    """Enter a root file system with the system's programs, the given folders and a temporary folder."""
    root = Path(plan["root"])
    _mount("none", "/", None, RECURSIVE | PRIVATE)
    _mount("none", root, "tmpfs", NO_SETUID | NO_DEVICES, "mode=755")
    for name in SYSTEM_FOLDERS:
        original, copy = Path("/", name), root / name
        if original.is_symlink():
            copy.symlink_to(original.readlink())
        elif original.is_dir():
            _bind(original, copy)
    for source, target in plan["folders"].items():
        _bind(Path(source), root / target.lstrip("/"))
    _add_devices(root / "dev")
    (root / "proc").mkdir()
    _mount("proc", root / "proc", "proc", NO_SETUID | NO_DEVICES)
    (root / "tmp").mkdir()
    _mount("none", root / "tmp", "tmpfs", NO_SETUID | NO_DEVICES, f"size={TEMPORARY_MIB}m,mode=700,uid={plan['user']}")
    old = root / "old"
    old.mkdir()
    _call("syscall", PIVOT_ROOT, bytes(root), bytes(old))
    os.chdir("/")
    _call("umount2", b"/old", DETACH)
    Path("/old").rmdir()
    _mount("none", "/", None, REMOUNT | READ_ONLY | NO_SETUID | NO_DEVICES)


def become_function(plan: dict[str, Any]) -> None:
    """Give up all rights, then apply the limits and the filter."""
    os.chdir(plan["work"])
    for name, limit in (("RLIMIT_NOFILE", MAX_FILES), ("RLIMIT_NPROC", MAX_PROCESSES), ("RLIMIT_CORE", 0)):
        resource.setrlimit(getattr(resource, name), (limit, limit))
    if plan["memory_bytes"] is not None:  # There are no control groups: limit each process, and use one processor.
        resource.setrlimit(resource.RLIMIT_DATA, (plan["memory_bytes"], plan["memory_bytes"]))
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.setgroups([])
    os.setresgid(plan["user"], plan["user"], plan["user"])
    os.setresuid(plan["user"], plan["user"], plan["user"])
    _call("prctl", SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    install_filter({int(number): error for number, error in plan["refused"].items()}, no_users=plan["no_users"])


def install_filter(refused: dict[int, int], *, no_users: bool) -> None:
    """Make the system calls fail with these error numbers and, if ``no_users``, ``clone`` with a user namespace."""
    steps = [(_LOAD, 0, 0, 0)]
    for number, error in refused.items():
        steps += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE | error)]
    if no_users:
        # The flags are the first argument, whose low half is 16 bytes after the start of struct seccomp_data.
        steps += [(_IF_EQUAL, 0, 3, _CLONE), (_LOAD, 0, 0, 16), (_IF_ANY_BIT, 0, 1, _NEW_USER)]
        steps += [(_RETURN, 0, 0, _REFUSE | errno.EPERM)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(steps), ctypes.addressof(buffer))
    _call("syscall", SECCOMP, 1, 0, program)


def _add_devices(folder: Path) -> None:
    folder.mkdir()
    for name in DEVICES:
        (folder / name).touch()
        _mount(Path("/dev", name), folder / name, None, BIND)
    (folder / "fd").symlink_to("/proc/self/fd")


def _bind(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    _mount(source, target, None, BIND)
    _mount("none", target, None, REMOUNT | BIND | READ_ONLY | NO_SETUID | NO_DEVICES)


def _mount(source: Path | str, target: Path | str, kind: str | None, flags: int, options: str | None = None) -> None:
    _call(
        "mount", os.fsencode(source), os.fsencode(target), kind and kind.encode(), flags, options and options.encode()
    )


def _call(name: str, *arguments: int | bytes | str | None) -> None:
    """Call a function of the C library. Raises OSError if it fails."""
    wrapped = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    if getattr(_libc, name)(*wrapped) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _end_with(process: int) -> None:
    """Wait for a process, then end like it. As number 1 of a namespace, also collect processes without a parent."""
    while True:
        ended, status = os.wait()
        if ended == process:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main()
