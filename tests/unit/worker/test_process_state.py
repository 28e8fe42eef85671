"""Changes of a process by another one of the same user."""

import os
import resource
import subprocess
import sys

import pytest

from worker.process_state import ProcessState

#: Changes itself in one way, and prints what differs afterwards.
SCRIPT = """
import os, resource, sys
from worker.process_state import ProcessState
before = ProcessState.read()
assert before.list_differences(ProcessState.read()) == []
exec(sys.argv[1])
print(*before.list_differences(ProcessState.read()))
"""


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))", "RLIMIT_NOFILE"),
        ("resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))", "RLIMIT_CPU"),
        ("os.nice(1)", "niceness"),
        ("os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))", "policy"),
        ("pass", ""),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of these")
def test_changes_are_found(change: str, found: str) -> None:
    """A lower limit, a lower priority and another scheduling policy."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, change], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == found.split()


def test_every_limit_is_compared() -> None:
    """The state has each limit that this system knows."""
    numbers = {getattr(resource, name) for name, _ in ProcessState.read().limits}
    assert numbers == {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
