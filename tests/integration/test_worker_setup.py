"""What the worker does when its execution environment starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: PR_GET_DUMPABLE of linux/prctl.h. Only root may read memory and environment of a process that is not dumpable.
SCRIPT = """
import ctypes, os, worker.app
dumpable = [ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)]
worker.app.get_consumer()
print(*dumpable, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.usefixtures("cloud")
def test_the_worker_hides_its_memory_and_credentials() -> None:
    """A process of the same user can read them before the worker is set up, and not afterwards."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        (sys.executable, "-c", SCRIPT), cwd=root, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["1", "0"], done.stderr
