"""An ingest while every kind of process is killed or stopped: nothing is lost, and the counts are exact.

``make attack`` runs it, with 240 files. It takes minutes, so ``make test`` does not.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.running_stack import MAX_WAIT_SECONDS, SHORT_TIMEOUTS, Site, run_site
from support.sample_images import make_jpeg

from safelight.client import Safelight

FILES = int(os.environ.get("SAFELIGHT_ATTACK_FILES", "0"))
#: One kill for three files.
KILLS = FILES // 3
#: Pause between two kills: long enough for a function to start again and serve something.
PAUSE_SECONDS = 0.3
PARAMETERS = SHORT_TIMEOUTS | {"RedispatchSeconds": "20", "LongestRedispatchSeconds": "40", "MaxReceiveCount": "20"}
ROLES = ("api", "worker", "child", "uploads", "reconciler", "dead_letters", "notifier", "webhooks")


@dataclass
class Attacker:
    """Kills processes, and stops a worker for longer than its lease, until the kills are used up."""

    site: Site
    done: Counter[str] = field(default_factory=Counter)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Attack one role after another until all kills are done or the ingest has ended."""
        for role in cycle(ROLES):
            if self.done.total() >= KILLS or self.ended.wait(PAUSE_SECONDS):
                return
            # Each process may end by itself at any time.
            with suppress(psutil.Error, IndexError):
                victim = self._list_processes(role)[0]
                if role == "worker" and not self.done["stopped"]:
                    self._stop(victim)
                else:
                    victim.kill()
                    self.done[role] += 1

    def _list_processes(self, role: str) -> list[psutil.Process]:
        if role != "child":
            return self.site.list_processes(role)
        return [process for process in self.site._engine_children() if is_sandbox(process)]

    def _stop(self, worker: psutil.Process) -> None:
        """Stop a worker until its lease has ended, as a freeze of its machine does."""
        os.kill(worker.pid, signal.SIGSTOP)
        self.done["stopped"] += 1
        time.sleep(int(SHORT_TIMEOUTS["WorkerTimeout"]) + 1)
        os.kill(worker.pid, signal.SIGCONT)


def is_sandbox(process: psutil.Process) -> bool:
    """Return True if the process renders images."""
    with suppress(psutil.Error):
        return "worker.sandbox.child" in process.cmdline()
    return False


@pytest.fixture
def attacked_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Yield a stack with short leases."""
    yield from run_site(tmp_path / "stack", request.config.getoption("--engine"), PARAMETERS)


@pytest.mark.faults
@pytest.mark.skipif(not FILES, reason="run by make attack")
@pytest.mark.not_on(
    "localstack", reason="it kills processes at random, and functions may run in containers of other users"
)
def test_ingest_survives_an_attack(
    attacked_site: Site, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """All images are COMPLETED, each file has one job and one result, and the counts of the batch are exact."""
    site, photos = attacked_site, tmp_path / "photos"
    photos.mkdir()
    for number in range(FILES):
        (photos / f"{number:04}.jpg").write_bytes(make_jpeg(200 + number, 150))
    attacker = Attacker(site)
    thread = threading.Thread(target=attacker.run)
    thread.start()
    try:
        report = ingest(site, tmp_path)
    finally:
        attacker.ended.set()
        thread.join()
    record_property("shown", f"{FILES} files, {dict(attacker.done)}")
    assert (report["complete"], report["succeeded"], report["jobs"]) == (True, FILES, FILES)
    with Safelight(site.stack.api_url) as client:
        batches = [client.batches.get(str(batch_id)) for batch_id in report["batches"]]
        jobs = [job for batch in batches for job in client.batches.items(batch.id)]
    assert Counter(job.status for job in jobs) == {"COMPLETED": FILES}
    assert sum(batch.counts["completed"] for batch in batches) == sum(batch.total for batch in batches) == FILES
    outputs = [output for job in jobs if job.result for output in job.result.outputs]
    digests = {output.digest for output in outputs}
    results = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(results) == FILES
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in results} <= digests
    stored = set(site.keys("processed/"))
    assert {output.key for output in outputs} <= stored


def ingest(site: Site, folder: Path) -> dict[str, Any]:
    """Run the command until it is complete, as a user would, and return its report."""
    for _ in range(10):
        run = subprocess.run(
            [
                *(sys.executable, "-m", "safelight", "ingest", "photos", "--out", "out", "--json"),
                *("--checkpoint", "checkpoint.db", "--report", "report"),
            ],
            cwd=folder,
            env={
                **os.environ,
                "SAFELIGHT_API_URL": site.stack.api_url,
                "PYTHONPATH": str(Path(__file__).parents[2]),
            },
            capture_output=True,
            check=False,
            text=True,
            timeout=5 * MAX_WAIT_SECONDS,
        )
        assert "Traceback" not in run.stderr, run.stderr
        if run.returncode == 0:
            report: dict[str, Any] = json.loads((folder / "report" / "report.json").read_text("utf-8"))
            return report
        # The API may have been killed before its first response. The same command continues.
        assert run.returncode == 2, run.stderr
    raise AssertionError(run.stderr)
