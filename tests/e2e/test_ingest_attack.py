"""An ingest while every kind of process is killed or stopped, the disk is full and clocks are wrong.

Nothing is lost, the counts are exact, and every object belongs to a job. ``make attack`` runs it with 240 files. It
takes minutes, so ``make test`` does not.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.attack import WRONG_CLOCK, Attacker, AttackPlan, mount_small_disk
from support.running_stack import AUTH_ENVIRONMENT, MAX_WAIT_SECONDS, SHORT_TIMEOUTS, Site, run_site
from support.sample_images import make_jpeg

from infra.deployment.template import load_template
from infra.engines.record import EnginePaths
from safelight.client import Safelight

FILES = int(os.environ.get("SAFELIGHT_ATTACK_FILES", "0"))
#: One kill for three files.
PLAN = AttackPlan(kills=FILES // 3, stopped=45, full=10, clock_error=600)
PARAMETERS = SHORT_TIMEOUTS | {"RedispatchSeconds": "20", "LongestRedispatchSeconds": "40"}


@pytest.fixture
def attacker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Attacker]:
    """Yield an attacker of a stack with short leases, a small disk for temporary files, and wrong clocks."""
    folder, clock_file = tmp_path / "stack", tmp_path / "clock-error"
    clock_file.write_text(str(PLAN.clock_error), encoding="utf-8")
    environment = AUTH_ENVIRONMENT | {"PYTHONPATH": str(WRONG_CLOCK), "CLOCK_ERROR_FILE": str(clock_file)}
    with mount_small_disk(EnginePaths.below(folder).scratch) as disk:
        engine = request.config.getoption("--engine")
        for site in run_site(folder, engine, PARAMETERS, environment, is_recorded=False):
            yield Attacker(site, PLAN, clock_file, disk)


@pytest.mark.faults
@pytest.mark.skipif(not FILES, reason="run by make attack")
@pytest.mark.not_on(
    "localstack", reason="it kills processes at random, and functions may run in containers of other users"
)
def test_ingest_survives_an_attack(
    attacker: Attacker, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """All images are COMPLETED, each file has one job and one result, and the counts of the batch are exact."""
    site, photos = attacker.site, tmp_path / "photos"
    photos.mkdir()
    for number in range(FILES):
        (photos / f"{number:04}.jpg").write_bytes(make_jpeg(200 + number, 150))
    thread = threading.Thread(target=attacker.run)
    thread.start()
    try:
        report = ingest(site, tmp_path)
    finally:
        attacker.ended.set()
        thread.join()
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
    left = find_unused_objects(site, {job.id: job.attempts for job in jobs}, {str(output.key) for output in outputs})
    record_property("shown", f"{FILES} files, {dict(attacker.done)}, {len(left)} unused objects")
    assert (attacker.done["stopped"], attacker.done["disk full"]) == (1, int(attacker.disk is not None))


def find_unused_objects(site: Site, attempts: dict[str, int], used: set[str]) -> list[str]:
    """Return the objects that no job refers to, such as outputs of attempts that were killed.

    Each must be one of an older attempt of a job, and a lifecycle rule must delete it.
    """
    rules = load_template()["Resources"]["ImageBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = tuple(rule["Prefix"] for rule in rules if "ExpirationInDays" in rule and rule.get("Prefix"))
    stored = site.keys("")
    assert used <= set(stored)
    left = [key for key in stored if key.startswith("processed/") and key not in used]
    for key in left:
        job_id, attempt = key.split("/")[1:3]
        assert job_id in attempts, f"{key} belongs to no job"
        assert int(attempt) < attempts[job_id], f"{key} belongs to the last attempt, but the job does not refer to it"
        assert key.startswith(expiring), f"no lifecycle rule deletes {key}"
    assert {key.split("/")[2] for key in stored if key.startswith("raw/")} <= set(attempts)
    return left


def ingest(site: Site, folder: Path) -> dict[str, Any]:
    """Run the command until it is complete, as a user would, and return its report."""
    for _ in range(30):
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
