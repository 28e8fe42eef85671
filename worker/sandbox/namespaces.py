"""Linux namespaces: a child that has no other process, no file, no network and no shared memory to reach.

A user namespace gives an ordinary user the right to the others. Some systems refuse it, among them AWS Lambda and
Docker with its default profile. See ``namespaces(7)``.
"""

import os
from pathlib import Path
from typing import Final

from worker.sandbox.libc import call

# linux/sched.h
_NEW_MOUNTS: Final = 0x00020000
_NEW_CGROUP: Final = 0x02000000
_NEW_HOSTNAME: Final = 0x04000000
_NEW_IPC: Final = 0x08000000
_NEW_USER: Final = 0x10000000
_NEW_PROCESS_IDS: Final = 0x20000000
_NEW_NETWORK: Final = 0x40000000
_ALL: Final = _NEW_MOUNTS | _NEW_CGROUP | _NEW_HOSTNAME | _NEW_IPC | _NEW_USER | _NEW_PROCESS_IDS | _NEW_NETWORK

# sys/mount.h
_READ_ONLY_EMPTY: Final = 1 | 2 | 4 | 8  # MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC
_PRIVATE: Final = 0x40000 | 0x4000  # MS_PRIVATE, MS_REC
#: Exists on every Linux that can run a child, because the child reads it.
_MOUNT_POINT: Final = "/proc"

#: More than a child has open before it is confined.
_DESCRIPTORS: Final = 256
#: Numbers of shared memory segments, message queues and semaphores that an IPC namespace may have.
_IPC_LIMITS: Final = {"shmmni": "0", "msgmni": "0", "sem": "0 0 0 0"}


def enter_namespaces() -> int:
    """Continue in a new process in namespaces of its own and return its process ID outside of them.

    Only a new process can enter a process ID namespace. The calling process waits for the new one and ends with it.
    Raises OSError, and stays in the calling process, if the system refuses. The process must have one thread.
    """
    uid, gid = os.getuid(), os.getgid()
    call("unshare", _ALL)
    Path("/proc/self/setgroups").write_text("deny", "utf-8")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1", "utf-8")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1", "utf-8")
    source, sink = os.pipe()
    process_id = os.fork()
    if process_id:
        os.write(sink, process_id.to_bytes(4))
        _end_with(process_id)
    os.close(sink)
    number = int.from_bytes(os.read(source, 4))
    os.close(source)
    return number


def forbid_shared_memory() -> None:
    """Set the limits of System V IPC in this namespace to zero. Raises OSError; ordinary users need Linux 6.9."""
    for name, limit in _IPC_LIMITS.items():
        Path("/proc/sys/kernel", name).write_text(limit, "utf-8")


def hide_files() -> None:
    """Replace the file system by an empty, read-only one. Raises OSError if the system refuses."""
    call("mount", b"none", b"/", None, _PRIVATE, None)
    call("mount", b"none", _MOUNT_POINT.encode(), b"tmpfs", _READ_ONLY_EMPTY, b"size=0,nr_inodes=1,mode=555")
    os.chroot(_MOUNT_POINT)
    os.chdir("/")


def _end_with(process_id: int) -> None:
    """Wait for the process, then end like it, without running the rest of the program."""
    # Only the new process may hold the pipes to the worker.
    os.closerange(0, 2)
    os.closerange(3, _DESCRIPTORS)
    _, status = os.waitpid(process_id, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
