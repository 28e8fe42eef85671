"""Images that exceed memory and time limits, among valid ones, on an engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import hostile_files, sample_images
from support.running_stack import Site, count_attempts, run_site

#: Three seconds of CPU time for an image, and little memory. The timeouts in wall-clock time are so long that they end
#: no attempt on a busy machine.
PARAMETERS = {
    "RenderSeconds": "3",
    "WorkerMemory": "512",
    "WorkerTimeout": "600",
    "QueueVisibilityTimeout": "3660",
}


@pytest.fixture
def strict_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Yield a stack with these limits."""
    yield from run_site(tmp_path, request.config.getoption("--engine"), PARAMETERS)


@pytest.mark.thorough
def test_hostile_images_fail_only_their_own_jobs(strict_site: Site) -> None:
    """Two of ten images exceed a limit and fail in one attempt; the others are completed."""
    site = strict_site
    bodies = [sample_images.make_jpeg(60 + number, 40) for number in range(10)]
    bodies[2] = hostile_files.FILES["png-in-all-channels-at-the-limit"]()
    bodies[5] = hostile_files.FILES["jpeg-2000-large-scans"]()
    with ThreadPoolExecutor(10) as callers:
        ids = list(callers.map(lambda body: str(site.submit(body)["id"]), bodies))
    done = [site.wait_until_done(job_id) for job_id in ids]
    codes = [job["error"]["code"] if job["error"] else job["status"] for job in done]
    expected = ["COMPLETED"] * 10
    expected[2], expected[5] = "RESOURCE_LIMIT", "TIMED_OUT"
    assert codes == expected
    assert set(map(count_attempts, done)) == {1}
    workers = {process.pid for process in site.list_processes("worker")}
    again = site.wait_until_done(site.submit(sample_images.make_jpeg())["id"])
    assert again["status"] == "COMPLETED"
    assert workers & {process.pid for process in site.list_processes("worker")}, "the worker process was replaced"
