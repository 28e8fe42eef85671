"""The threads of an ingest share their memory."""

import subprocess
import sys

import pytest

THREADS = """
import ctypes, sys, threading
from safelight.cli.commands import arenas

if sys.argv[1] == "shared":
    assert arenas.share_one()
together = threading.Barrier(8)


def take():
    together.wait()
    kept = [bytes(10_000) for _ in range(50)]
    together.wait()


threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has arenas")
@pytest.mark.parametrize(("how", "is_one"), [("shared", True), ("apart", False)])
def test_eight_threads_take_from_one_arena(how: str, is_one: bool) -> None:
    """By what glibc tells of itself; without the setting they take from several."""
    done = subprocess.run([sys.executable, "-c", THREADS, how], capture_output=True, text=True, check=True)
    assert (done.stdout.count("<heap nr=") == 1) is is_one
