"""All threads of an ingest share one malloc arena."""

import subprocess
import sys

import pytest

THREADS = """
import ctypes, sys, threading
from safelight.cli.commands.ingest import share_malloc_arena

if sys.argv[1] == "shared":
    assert share_malloc_arena()
barrier = threading.Barrier(8)


def allocate():
    barrier.wait()
    data = [bytes(10_000) for _ in range(50)]
    barrier.wait()


threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has arenas")
@pytest.mark.parametrize(("mode", "is_one"), [("shared", True), ("separate", False)])
def test_threads_share_one_arena(mode: str, is_one: bool) -> None:
    """Counted by malloc_info. Without the setting there are several."""
    done = subprocess.run([sys.executable, "-c", THREADS, mode], capture_output=True, text=True, check=True)
    assert (done.stdout.count("<heap nr=") == 1) is is_one
