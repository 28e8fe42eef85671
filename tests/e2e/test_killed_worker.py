"""A worker that is killed during a delivery."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

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

    The workers are suspended during the check, so that it does not depend on the speed of the machine.
    """
    workers = site.list_processes("worker")
    for process in workers:
        process.suspend()
    if any(site.item(job_id)["Status"]["S"] == "PROCESSING" for job_id in ids):
        for process in workers:
            process.kill()
        return True
    assert not all(site.item(job_id)["Status"]["S"] == "COMPLETED" for job_id in ids), "the workers were too fast"
    for process in workers:
        process.resume()
    return False


@pytest.mark.thorough
@pytest.mark.faults
def test_jobs_of_a_killed_worker_are_completed(short_timeout_site: Site) -> None:
    """Killed between claim and commit, every job ends COMPLETED with one result."""
    site = short_timeout_site
    ids = [site.submit(LARGE)["id"] for _ in range(6)]
    wait_until(lambda: kill_during_rendering(site, ids))
    done = [site.wait_until_done(job_id) for job_id in ids]
    assert {job["status"] for job in done} == {"COMPLETED"}
    histories = [[line["status"] for line in job["history"]] for job in done]
    # Two consecutive attempts: the lease has expired. A released attempt is PENDING in between.
    reclaimed = [pair for history in histories for pair in pairwise(history) if pair == ("PROCESSING", "PROCESSING")]
    assert reclaimed, "no worker was killed between claim and commit"
    for job, history in zip(done, histories, strict=True):
        assert (history[0], history[-1], history.count("COMPLETED")) == ("PENDING", "COMPLETED", 1)
        assert history.count("PROCESSING") == job["attempts"]
        assert job["key"].startswith(f"processed/{job['id']}/{job['attempts']}/")
        assert job["key"] in site.keys(f"processed/{job['id']}/")
