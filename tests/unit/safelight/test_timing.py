"""Wait for jobs, and list them."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.client import Safelight
from safelight.errors import ApiError, WaitedTooLong


def test_wait_returns_when_the_job_is_done(client: Safelight, fake_time: Any, image_file: Path) -> None:
    """The client respects the API's Retry-After."""
    job = client.wait(client.submit(image_file).id)
    assert job.succeeded
    assert fake_time.slept == [1.0]


def test_wait_returns_a_failed_job(client: Safelight, tmp_path: Path) -> None:
    """A failed job is not an exception."""
    path = tmp_path / "not-an-image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\ntext")
    job = client.wait(client.submit(path).id)
    assert job.error is not None
    assert (job.done, job.succeeded, job.error.code) == (True, False, "NOT_AN_IMAGE")


def test_poll_delay_grows(client: Safelight, api: Any, fake_time: Any, image_file: Path) -> None:
    """Without Retry-After, delays grow to ten seconds."""
    job = client.submit(image_file)
    api.answers = [httpx.Response(200, json=api.jobs[job.id]) for _ in range(14)]
    client.wait(job.id)
    assert fake_time.slept[:3] == [0.25, 0.375, 0.5625]
    assert fake_time.slept[12:] == [10.0, 10.0, 10.0]


def test_wait_raises_after_its_timeout(client: Safelight, api: Any, fake_time: Any, image_file: Path) -> None:
    """Soon after the time limit."""
    job = client.submit(image_file)
    api.answers = [httpx.Response(200, json=api.jobs[job.id], headers={"Retry-After": "2"}) for _ in range(9)]
    with pytest.raises(WaitedTooLong, match="still PENDING after 5 s"):
        client.wait(job.id, timeout=5)
    assert fake_time.now == 5


def test_wait_for_an_unknown_job_fails(client: Safelight) -> None:
    """The error is raised immediately."""
    with pytest.raises(ApiError, match="does not exist"):
        client.wait("nope")


def test_list_follows_cursors(client: Safelight, api: Any, image_file: Path) -> None:
    """All jobs are returned, and each page is requested only when it is needed."""
    ids = [client.submit(image_file).id for _ in range(5)]
    api.requests.clear()
    jobs = client.list_jobs()
    assert api.requests == []
    assert next(jobs).id == ids[0]
    assert len(api.requests) == 1
    assert [job.id for job in jobs] == ids[1:]
    assert len(api.requests) == 3


@pytest.mark.parametrize(("limit", "requests"), [(0, 0), (1, 1), (2, 1), (3, 2), (99, 3)])
def test_list_stops_at_its_limit(client: Safelight, api: Any, image_file: Path, limit: int, requests: int) -> None:
    """The limit applies to all pages together."""
    for _ in range(5):
        client.submit(image_file)
    api.requests.clear()
    assert len(list(client.list_jobs(limit=limit))) == min(limit, 5)
    assert len(api.requests) == requests


def test_list_sends_its_filters(client: Safelight, api: Any, image_file: Path) -> None:
    """With every page."""
    for _ in range(3):
        client.wait(client.submit(image_file).id)
    client.submit(image_file)
    api.requests.clear()
    assert len(list(client.list_jobs(status="COMPLETED", batch="b"))) == 3
    assert {(each.url.params["status"], each.url.params["batch"]) for each in api.requests} == {("COMPLETED", "b")}
