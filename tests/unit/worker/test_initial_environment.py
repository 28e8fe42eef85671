"""Credentials in the environment block of a process."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
from pathlib import Path
from worker.initial_environment import wipe_variables
wipe_variables()
sys.stdout.write(f"{os.environ['AWS_SECRET_ACCESS_KEY']}|{Path('/proc/self/environ').read_text()}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_credentials_disappear_from_proc() -> None:
    """Other variables stay, and the process itself still has its credentials."""
    environment = {
        "FIRST": "1",
        "AWS_ACCESS_KEY_ID": "id-of-a-key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token=with=signs",
        "NOT_AWS_SESSION_TOKEN": "kept",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    known, _, block = done.stdout.partition("|")
    assert known == "secret"
    variables = dict(entry.partition("=")[::2] for entry in block.split("\0") if entry)
    assert (variables["FIRST"], variables["NOT_AWS_SESSION_TOKEN"]) == ("1", "kept")
    assert not any(value in block for value in ("id-of-a-key", "secret", "token=with=signs"))
