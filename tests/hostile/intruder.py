"""What a taken-over decoder tries: a worker with one confined child that runs every probe.

Run as ``python intruder.py USER LAYER...``: USER is ``root`` or ``ordinary``, and the layers of the confinement that
are not named are left out. It prints one JSON object: the measures that the child applied, and what each probe got:
``refused``, or what it reached.

With ``ordinary``, root becomes a user without rights first. Folders that only root may enter are replaced, in a mount
namespace, by folders with only Python and this checkout in them.
"""

import json
import os
import resource
import socket
import sys
import tempfile
from pathlib import Path

from support.sandboxes import BUDGET, FRAME

from worker.sandbox.confinement import LAYERS
from worker.sandbox.libc import call
from worker.sandbox.process import Child

PROBES = Path(__file__).with_name("probes.py")
REPOSITORY = Path(__file__).parents[2]
#: A user that owns nothing.
ORDINARY = 65_533
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
SECRET = "s3cr3t-of-the-worker"  # noqa: S105 - what the intruder looks for


def main(user: str, *layers: str) -> None:
    """Start the child and print what its probes report, and what they have left behind."""
    if user == "ordinary" and os.geteuid() == 0:
        become_ordinary()
    os.environ["SECRET"] = SECRET
    with tempfile.TemporaryDirectory() as folder:
        victim = Path(folder, "victim")
        victim.write_text("unchanged", "utf-8")
        Path(folder, "folder").mkdir()
        before = describe(Path(folder))
        measures = [name for layer, names in LAYERS.items() if layer not in layers for name in names]
        runtime_api = socket.create_server(("127.0.0.1", 0))
        context = (os.getpid(), str(victim), runtime_api.getsockname(), measures, ())
        script = f"{FRAME}\nCONTEXT = {context!r}\n{PROBES.read_text('utf-8')}"
        with runtime_api, Child(BUDGET, {}, ("-c", script)) as child:
            child.wait_until_ready()
            assert child.ready is not None
            report = {"applied": child.ready.confined, "probes": child.ready.software}
        report["left behind"] = "nothing" if describe(Path(folder)) == before else "changes"
        report["abi"] = try_other_abi(measures)
    sys.stdout.write(json.dumps(report))


def become_ordinary() -> None:
    """Continue as a user without rights, who can still read Python and this checkout."""
    call("unshare", CLONE_NEWNS)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    needed = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve(), REPOSITORY.resolve()}
    closed = {folder for path in needed for folder in path.parents if not folder.stat().st_mode & 1}
    outermost = {folder for folder in closed if not closed & set(folder.parents)}
    copies = {path: tempfile.mkdtemp() for path in needed if outermost & set(path.parents)}
    for path, copy in copies.items():
        call("mount", bytes(path), copy.encode(), None, MS_BIND, None)
    for folder in outermost:
        call("mount", b"none", bytes(folder), b"tmpfs", 0, b"mode=755")
    for path, copy in copies.items():
        path.mkdir(parents=True, exist_ok=True)
        call("mount", copy.encode(), bytes(path), None, MS_BIND, None)
        call("umount2", copy.encode(), 0)
        Path(copy).rmdir()
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)


def describe(folder: Path) -> object:
    """Return everything that an intruder could change: the files, and this process's priority and limits."""
    files = [
        (str(path), path.lstat().st_mode, path.lstat().st_uid, path.lstat().st_mtime_ns, path.lstat().st_nlink)
        for path in sorted(folder.rglob("*"))
    ]
    limits = [resource.getrlimit(limit) for limit in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE)]
    content = (folder / "victim").read_text("utf-8")
    attributes = os.listxattr(folder / "victim")
    return files, content, attributes, os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0), limits


def try_other_abi(without: list[str]) -> str:
    """Return what happens to a child that uses the x32 table of system calls."""
    script = (
        f"{FRAME}\nimport ctypes\nfrom worker.sandbox.confinement import confine\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"confine(2**30, 100, without=frozenset({without!r}))\n"
        "got = libc.syscall(ctypes.c_long(0x40000000 | 39))\n"
        'frame(b\'{"confined": ["%d"]}\' % got)\n'
    )
    with Child(BUDGET, {}, ("-c", script)) as child:
        try:
            child.wait_until_ready()
        except Exception as error:  # noqa: BLE001 - the child was killed
            return type(error).__name__
        assert child.ready is not None
        return "refused" if child.ready.confined == ("-1",) else "reached"


if __name__ == "__main__":
    main(*sys.argv[1:])
