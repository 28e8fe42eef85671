"""Probes of a confined child. ``intruder`` runs this after a line that defines ``frame`` and ``CONTEXT``.

A probe returns a value if it reached its goal, and raises OSError if the system refused it.
"""

# mypy: ignore-errors
import ctypes
import errno
import fcntl
import json
import os
import platform
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from worker.sandbox.confinement import confine

#: Process ID, file and Runtime API of the worker; measures and probes to leave out.
WORKER, VICTIM, RUNTIME_API, WITHOUT, SKIPPED = CONTEXT
FOLDER = os.path.dirname(VICTIM)  # noqa: PTH120 - no path object is needed
libc = ctypes.CDLL(None, use_errno=True)
MACHINE = platform.machine() == "x86_64"
buffer = ctypes.create_string_buffer(4096)
#: struct iovec: eight bytes of the buffer.
IO_VECTOR = struct.pack("@NN", ctypes.addressof(buffer), 8)
#: Offsets and numbers that differ between the two architectures.
NUMBERS = {
    name: pair[0 if MACHINE else 1]
    for name, pair in {
        "clone": (56, 220), "clone3": (435, 435), "mq_open": (240, 180), "msgget": (68, 186), "semget": (64, 190),
        "shmget": (29, 194), "memfd_create": (319, 279), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
        "bpf": (321, 280), "perf_event_open": (298, 241), "add_key": (248, 217), "request_key": (249, 218),
        "keyctl": (250, 219), "pidfd_open": (434, 434), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
        "ptrace": (101, 117), "kcmp": (312, 272), "rt_sigqueueinfo": (129, 138), "tkill": (200, 130),
        "setns": (308, 268), "unshare": (272, 97), "mount": (165, 40), "pivot_root": (155, 41), "reboot": (169, 142),
        "init_module": (175, 105), "kexec_load": (246, 104), "syslog": (103, 116), "swapon": (167, 224),
        "clock_settime": (227, 112), "ioprio_set": (251, 30), "sched_setscheduler": (144, 119),
        "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "inotify_init1": (294, 26),
        "signalfd4": (289, 74), "timerfd_create": (283, 85), "eventfd2": (290, 19), "epoll_create1": (291, 20),
        "landlock_create_ruleset": (444, 444), "seccomp": (317, 277), "acct": (163, 89), "mlockall": (151, 230),
        "sethostname": (170, 161), "quotactl": (179, 60), "io_setup": (206, 0), "prctl": (157, 167),
    }.items()
}  # fmt: skip


def syscall(name, *arguments):
    """Make a system call by its number; raise OSError if it fails."""
    wrapped = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *wrapped)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(name, *arguments):
    """Call a function of the C library; raise OSError if it fails."""
    result = getattr(libc, name)(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def owned_pipe():
    """Make the kernel signal the worker when the pipe has data."""
    fcntl.fcntl(0, fcntl.F_SETOWN, WORKER)
    return fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGKILL)


def shared_mapping():
    """Write into an existing file through memory."""
    descriptor = os.open(VICTIM, os.O_RDWR)
    return libc.mmap(None, 4096, 3, 1, descriptor, 0)


def open_descriptors():
    """List descriptors beyond the pipes and the null device."""
    found = [number for number in range(1024) if libc.fcntl(number, fcntl.F_GETFD) != -1]
    if found and max(found) > HIGHEST:
        return found
    raise OSError(errno.EBADF, "none")


def raise_limit(name):
    """Raise one of the child's own limits."""
    hard = resource.getrlimit(name)[1]
    resource.setrlimit(name, (hard + 1, hard + 1))
    return "raised"


def set_parent_limit():
    """Change a limit of the worker, and restore it so that the worker can report."""
    soft, hard = resource.prlimit(WORKER, resource.RLIMIT_NOFILE)
    resource.prlimit(WORKER, resource.RLIMIT_NOFILE, (soft - 1, hard))
    return resource.prlimit(WORKER, resource.RLIMIT_NOFILE, (soft, hard))


def call_runtime_api():
    """Connect to the server from which the worker gets its events."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.connect(RUNTIME_API)
    return connection


def start_thread():
    """Start a thread of the C library's kind."""
    return syscall("clone", 0x10F00, 0, 0, 0, 0)


PROBES = {
    # files
    "read a system file": lambda: Path("/etc/passwd").read_bytes(),
    "read our code": lambda: Path(__import__("worker").__file__).read_bytes(),
    "read a file of the worker": lambda: Path(VICTIM).read_bytes(),
    "list a folder": lambda: os.listdir("/tmp"),
    "create a file": lambda: os.open(FOLDER + "/new", os.O_CREAT | os.O_WRONLY),
    "overwrite a file": lambda: os.open(VICTIM, os.O_WRONLY | os.O_TRUNC),
    "map a file into memory": shared_mapping,
    "truncate a file": lambda: os.truncate(VICTIM, 0),
    "delete a file": lambda: os.unlink(VICTIM),
    "rename a file": lambda: os.rename(VICTIM, VICTIM + "2"),
    "link a file": lambda: os.link(VICTIM, VICTIM + "2"),
    "make a symbolic link": lambda: os.symlink(VICTIM, VICTIM + "3"),
    "make a folder": lambda: os.mkdir(FOLDER + "/more"),
    "remove a folder": lambda: os.rmdir(FOLDER + "/folder"),
    "make a named pipe": lambda: os.mkfifo(FOLDER + "/fifo"),
    "change a mode": lambda: os.chmod(VICTIM, 0o777),
    "change an owner": lambda: os.chown(VICTIM, 0, 0),
    "change a time": lambda: os.utime(VICTIM, (0, 0)),
    "set an extended attribute": lambda: os.setxattr(VICTIM, "user.note", b"x"),
    "enter a folder": lambda: os.chdir(FOLDER),
    "look at a file": lambda: os.stat(VICTIM),
    "open a file by handle": lambda: syscall("open_by_handle_at", -100, buffer, 0),
    "watch files": lambda: syscall("inotify_init1", 0),
    "watch all files": lambda: syscall("fanotify_init", 0, 0),
    "make a file in memory": lambda: syscall("memfd_create", b"x", 0),
    "mount a file system": lambda: call("mount", b"none", b"/", b"tmpfs", 0, None),
    "change the root": lambda: os.chroot("/"),
    "switch the root": lambda: syscall("pivot_root", b"/", b"/"),
    # /proc
    "read the worker's environment": lambda: Path(f"/proc/{WORKER}/environ").read_bytes(),
    "read the worker's memory": lambda: os.open(f"/proc/{WORKER}/mem", os.O_RDONLY),
    "list the worker's descriptors": lambda: os.listdir(f"/proc/{WORKER}/fd"),
    "read the first process's environment": lambda: Path("/proc/1/environ").read_bytes(),
    "write its own memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
    "write a kernel setting": lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY),
    # other processes
    "signal the worker": lambda: os.kill(WORKER, 0) or "signalled",
    "signal everything": lambda: os.kill(-1, 0) or "signalled",
    "signal a thread of the worker": lambda: syscall("tkill", WORKER, 0),
    "queue a signal": lambda: syscall("rt_sigqueueinfo", WORKER, 0, buffer),
    "let the kernel signal the worker": owned_pipe,
    "open the worker's process": lambda: syscall("pidfd_open", WORKER, 0),
    "trace the worker": lambda: syscall("ptrace", 16, WORKER, 0, 0),
    "read memory across processes": lambda: syscall("process_vm_readv", WORKER, IO_VECTOR, 1, IO_VECTOR, 1, 0),
    "write memory across processes": lambda: syscall("process_vm_writev", WORKER, IO_VECTOR, 1, IO_VECTOR, 1, 0),
    "compare processes": lambda: syscall("kcmp", WORKER, WORKER, 1, 0, 0),
    "renice the worker": lambda: os.setpriority(os.PRIO_PROCESS, WORKER, 19) or "reniced",
    "schedule the worker": lambda: syscall("sched_setscheduler", WORKER, 5, struct.pack("i", 0)),
    "move the worker to one processor": lambda: os.sched_setaffinity(WORKER, {0}) or "moved",
    "lower the worker's disk priority": lambda: syscall("ioprio_set", 1, WORKER, 3 << 13),
    "limit the worker": set_parent_limit,
    # new processes
    "fork": lambda: os.fork() or os._exit(0),
    "start a thread": start_thread,
    "start a program": lambda: os.execv("/bin/true", ["true"]),
    "start a shell": lambda: subprocess.run(["true"], check=False),
    # network
    "a TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "the Runtime API": call_runtime_api,
    "a UDP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "an IPv6 socket": lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM),
    "a Unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "a pair of sockets": socket.socketpair,
    # memory and messages that outlive the child
    "shared memory": lambda: syscall("shmget", 4711, 4096, 0o1600),
    "a message queue": lambda: syscall("msgget", 4711, 0o1600),
    "a semaphore": lambda: syscall("semget", 4711, 1, 0o1600),
    "a POSIX message queue": lambda: syscall("mq_open", b"safelight", os.O_CREAT | os.O_RDWR, 0o600, None),
    # its own limits and rights
    "raise the CPU limit": lambda: raise_limit(resource.RLIMIT_CPU),
    "raise the memory limit": lambda: raise_limit(resource.RLIMIT_AS),
    "raise the limit of descriptors": lambda: raise_limit(resource.RLIMIT_NOFILE),
    "raise the limit of file sizes": lambda: raise_limit(resource.RLIMIT_FSIZE),
    "raise the limit of processes": lambda: raise_limit(resource.RLIMIT_NPROC),
    "raise its priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5) or "raised",
    "real-time scheduling": lambda: syscall("sched_setscheduler", 0, 1, struct.pack("i", 1)),
    "become another user": lambda: os.setresuid(1, 1, 1) or "another",
    "become another group": lambda: os.setgroups([0]) or "group",
    "lock memory": lambda: syscall("mlockall", 2) or "locked",
    # descriptors
    "duplicate a descriptor": lambda: os.dup(0),
    "a pipe": os.pipe,
    "leftover descriptors": open_descriptors,
    # the kernel
    "a user namespace": lambda: syscall("unshare", 0x10000000) or "namespace",
    "the namespaces of another process": lambda: syscall("setns", 0, 0),
    "io_uring": lambda: syscall("io_uring_setup", 1, buffer),
    "bpf": lambda: syscall("bpf", 0, buffer, 72),
    "userfaultfd": lambda: syscall("userfaultfd", 1),
    "perf events": lambda: syscall("perf_event_open", buffer, 0, -1, -1, 0),
    "a signal descriptor": lambda: syscall("signalfd4", -1, buffer, 8, 0),
    "a timer descriptor": lambda: syscall("timerfd_create", 1, 0),
    "an event descriptor": lambda: syscall("eventfd2", 0, 0),
    "an epoll descriptor": lambda: syscall("epoll_create1", 0),
    "load a module": lambda: syscall("init_module", buffer, 0, b""),
    "load a kernel": lambda: syscall("kexec_load", 0, 0, None, 0),
    "read the kernel's log": lambda: syscall("syslog", 3, buffer, 100),
    "set the clock": lambda: syscall("clock_settime", 0, struct.pack("qq", 0, 0)),
    "set the host name": lambda: syscall("sethostname", b"x", 1),
    "restart the machine": lambda: syscall("reboot", 0xFEE1DEAD, 672274793, 0, None),
    "account processes": lambda: syscall("acct", None),
}

HIGHEST = 4
confinement = confine(2**30, 100, without=frozenset(WITHOUT))
told = {}
for name, probe in PROBES.items():
    if name in SKIPPED:
        continue
    try:
        result = probe()
    except (OSError, ValueError):
        told[name] = "refused"
    except BaseException as error:
        told[name] = type(error).__name__
    else:
        told[name] = "reached: " + repr(result)[:60]
frame(json.dumps({"confined": confinement.applied, "process_id": confinement.process_id, "software": told}).encode())
sys.stdin.read()
