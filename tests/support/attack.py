"""An attack on a running stack: kills, a stop, a full disk and wrong clocks."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import httpx
import psutil
from support.running_stack import SHORT_TIMEOUTS, Site, wait_until

ROLES = ("api", "worker", "child", "uploads", "reconciler", "dead_letters", "notifier", "webhooks")
#: Folder with a ``sitecustomize`` that sets clocks wrong.
WRONG_CLOCK = Path(__file__).with_name("wrong_clock")
#: Size of the file system for temporary files. All functions together need about 10 MB.
DISK_MEBIBYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackPlan:
    """How much an attack does. All times are seconds."""

    kills: int
    #: Between two kills: long enough for a function to start again and serve something.
    pause: float = 0.3
    #: How long a worker is stopped beyond its lease.
    stopped: float
    #: How long the disk is full.
    full: float
    #: By how much clocks are fast or slow.
    clock_error: int


@dataclass
class Attacker:
    """Attacks a stack until all kills are done, then repairs everything."""

    site: Site
    plan: AttackPlan
    clock_file: Path
    #: A small file system for the engine's temporary files, or None if this user can't mount one.
    disk: Path | None
    done: Counter[str] = field(default_factory=Counter)
    ended: threading.Event = field(default_factory=threading.Event)
    #: Process that is stopped and must not be killed.
    frozen: int | None = None

    def run(self) -> None:
        """Attack one role after another until all kills are done or the ingest has ended. Then set the clocks right."""
        freeze: threading.Thread | None = None
        try:
            for role in cycle(ROLES):
                if self.kills >= self.plan.kills or self.ended.wait(self.plan.pause):
                    return
                if self.disk and not self.done["disk full"] and self.kills >= self.plan.kills // 4:
                    self._fill_disk(self.disk)
                # Each process may end by itself at any time.
                with suppress(psutil.Error, IndexError):
                    if role == "api":
                        self._wait_for_api()
                    victim = self._list_processes(role)[0]
                    if role == "worker" and freeze is None:
                        freeze = threading.Thread(target=self._stop, args=(victim,))
                        freeze.start()
                    else:
                        victim.kill()
                        self.done[role] += 1
        finally:
            if freeze is not None:
                freeze.join()
            self._set_clocks_right()

    @property
    def kills(self) -> int:
        """Return the number of killed processes."""
        return sum(self.done[role] for role in ROLES)

    def _wait_for_api(self) -> None:
        """Wait until the API has served something. On a busy machine, it would be killed each time before it starts."""
        while not self.ended.is_set():
            with suppress(httpx.HTTPError):
                if self.site.http.get("health").status_code == httpx.codes.OK:
                    return

    def _list_processes(self, role: str) -> list[psutil.Process]:
        if role != "child":
            return [process for process in self.site.list_processes(role) if process.pid != self.frozen]
        return [process for process in self.site._engine_children() if is_sandbox(process)]

    def _stop(self, worker: psutil.Process) -> None:
        """Stop a worker until its lease has ended, as a freeze of its machine does."""
        self.frozen = worker.pid
        os.kill(worker.pid, signal.SIGSTOP)
        self.done["stopped"] += 1
        time.sleep(int(SHORT_TIMEOUTS["WorkerTimeout"]) + self.plan.stopped)
        with suppress(ProcessLookupError):  # the engine may have ended it
            os.kill(worker.pid, signal.SIGCONT)
        self.frozen = None

    def _fill_disk(self, disk: Path) -> None:
        """Fill the disk, and kill functions, which can't start again until there is space."""
        filler = disk / "filler"
        # Ends with the error that there is no space left.
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        self.done["disk full"] += 1
        for role in ("api", "worker"):
            for process in self._list_processes(role):
                with suppress(psutil.Error):
                    process.kill()
                    self.done[role] += 1
        self.ended.wait(self.plan.full)
        filler.unlink()

    def _set_clocks_right(self) -> None:
        """Let every process start again with the right time."""
        self.clock_file.write_text("0", encoding="utf-8")
        for role in ROLES:
            if role != "child":
                for process in self.site.list_processes(role):
                    with suppress(psutil.Error):
                        process.kill()


def is_sandbox(process: psutil.Process) -> bool:
    """Return True if the process renders images."""
    with suppress(psutil.Error):
        return "worker.sandbox.child" in process.cmdline()
    return False


@contextmanager
def mount_small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a small file system at a folder, and return the folder. Return None if this user can't mount one."""
    folder.mkdir(parents=True)
    options = ("-t", "tmpfs", "-o", f"size={DISK_MEBIBYTES}m", "tmpfs", str(folder))
    if not _run("mount", *options):
        yield None
        return
    try:
        yield folder
    finally:
        # Processes of functions may end a little later than the engine.
        wait_until(lambda: _run("umount", str(folder)))


def _run(program: str, *arguments: str) -> bool:
    """Run a program as root, and return True if it succeeds."""
    path = shutil.which(program)
    if path is None or os.geteuid():
        return False
    return not subprocess.run([path, *arguments], capture_output=True, check=False).returncode
