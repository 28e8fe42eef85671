"""The worker dies in the middle of a delivery."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from support.running_stack import QUICK, Site, running_site, until

LARGE = (Path(__file__).parents[2] / "safelight" / "demo_images" / "contact-sheet.jpg").read_bytes()


@pytest.fixture
def quick_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Return a stack whose deliveries come back soon."""
    yield from running_site(tmp_path, request.config.getoption("--engine"), QUICK | {"InteractiveConcurrency": "2"})


@pytest.mark.faults
def test_job_of_a_killed_worker_is_completed_once(quick_site: Site) -> None:
    """Killed between claim and commit, every job of the delivery still ends COMPLETED, with one result to show."""
    site = quick_site
    ids = [site.submit(LARGE)["id"] for _ in range(6)]
    until(lambda: any(site.job(job_id)["status"] == "PROCESSING" for job_id in ids))
    for process in site.function_processes("worker"):
        process.kill()
    done = [site.finished(job_id) for job_id in ids]
    assert {job["status"] for job in done} == {"COMPLETED"}
    histories = [[line["status"] for line in job["history"]] for job in done]
    # One attempt right after another: a lease ran out. An attempt that was given back is PENDING in between.
    taken_over = [pair for history in histories for pair in pairwise(history) if pair == ("PROCESSING", "PROCESSING")]
    assert taken_over, "nobody was killed between claim and commit"
    for job, history in zip(done, histories, strict=True):
        assert (history[0], history[-1], history.count("COMPLETED")) == ("PENDING", "COMPLETED", 1)
        assert history.count("PROCESSING") == job["attempts"]
        assert job["key"].startswith(f"processed/{job['id']}/{job['attempts']}/")
        assert job["key"] in site.keys(f"processed/{job['id']}/")
