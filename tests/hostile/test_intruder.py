"""A taken-over decoder reaches nothing, as root and as an ordinary user, whichever layer the system refuses.

On AWS Lambda only the layer ``limits`` is sure: see ``docs/security.md``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from worker.sandbox.confinement import LAYERS

INTRUDER = Path(__file__).with_name("intruder.py")
REPOSITORY = INTRUDER.parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the confinement is complete on Linux only")
USERS = ("root", "ordinary") if os.geteuid() == 0 else ("ordinary",)


def run_intruder(user: str, layers: tuple[str, ...]) -> dict[str, Any]:
    """Run all probes in a child with these layers."""
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}", "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, str(INTRUDER), user, *layers],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        cwd="/",
    )
    assert run.returncode == 0, run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return report


@pytest.mark.parametrize("layers", [tuple(LAYERS), ("limits", "namespaces"), ("system_calls",)], ids="+".join)
@pytest.mark.parametrize("user", USERS)
def test_every_probe_is_refused(user: str, layers: tuple[str, ...]) -> None:
    """The filter alone, or the limits and namespaces without it, are enough for each of 95 probes."""
    report = run_intruder(user, layers)
    assert set(report["applied"]) == {name for layer in layers for name in LAYERS[layer]}
    assert {name: got for name, got in report["probes"].items() if got != "refused"} == {}
    assert len(report["probes"]) == 95
    assert report["left behind"] == "nothing"
    # The filter kills a child that uses another table of system calls. Without it, the kernel has no such table.
    assert report["abi"] == ("SandboxUnavailable" if "system_calls" in layers else "refused")
