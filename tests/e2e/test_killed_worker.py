"""A worker that is killed during a delivery."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.running_stack import SHORT_TIMEOUTS, Site, run_site, wait_until

LARGE = (Path(__file__).parents[2] / "safelight" / "demo_images" / "contact-sheet.jpg").read_bytes()


@pytest.fixture
def short_timeout_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Yield a stack with a short lease and visibility timeout."""
    yield from run_site(
        tmp_path, request.config.getoption("--engine"), SHORT_TIMEOUTS | {"InteractiveConcurrency": "2"}
    )


def kill_during_rendering(site: Site, ids: Sequence[str]) -> bool:
    """Kill all workers if one has claimed a job and not committed it, and return True.

    Return True, too, if all jobs have ended. The workers are suspended during the check, so that it does not depend on
    the speed of the machine.
    """
    workers = site.list_processes("worker")
    signal_all(workers, signal.SIGSTOP)
    statuses = {site.item(job_id)["Status"]["S"] for job_id in ids}
    if "PROCESSING" in statuses:
        signal_all(workers, signal.SIGKILL)
        return True
    signal_all(workers, signal.SIGCONT)
    return statuses == {"COMPLETED"}


def signal_all(workers: Sequence[psutil.Process], number: int) -> None:
    """Send a signal to processes, of which each may end at any time."""
    for process in workers:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def process_while_killing(site: Site) -> list[dict[str, Any]]:
    """Let workers process large images, kill them once, and return the jobs when they have ended."""
    ids = [site.submit(LARGE)["id"] for _ in range(6)]
    wait_until(lambda: kill_during_rendering(site, ids))
    return [site.wait_until_done(job_id) for job_id in ids]


def list_statuses(job: Mapping[str, Any]) -> list[str]:
    """Return the statuses of a job in order."""
    return [line["status"] for line in job["history"]]


def was_reclaimed(job: Mapping[str, Any]) -> bool:
    """Return True if the lease of an attempt has expired: another one follows. A released attempt is PENDING first."""
    return ("PROCESSING", "PROCESSING") in pairwise(list_statuses(job))


@pytest.mark.thorough
@pytest.mark.faults
def test_jobs_of_a_killed_worker_are_completed(short_timeout_site: Site) -> None:
    """Killed between claim and commit, every job ends COMPLETED with one result."""
    site = short_timeout_site
    done = process_while_killing(site)
    # A quick worker can end all renderings before the kill, and a commit can be on its way.
    while not any(map(was_reclaimed, done)):
        done += process_while_killing(site)
    assert {job["status"] for job in done} == {"COMPLETED"}
    for job in done:
        history = list_statuses(job)
        assert (history[0], history[-1], history.count("COMPLETED")) == ("PENDING", "COMPLETED", 1)
        assert history.count("PROCESSING") == job["attempts"]
        assert job["key"].startswith(f"processed/{job['id']}/{job['attempts']}/")
        assert job["key"] in site.keys(f"processed/{job['id']}/")
