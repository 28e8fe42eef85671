"""Random process kills while a thousand jobs run through the whole stack."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx
import psutil
import pytest
from support import sample_images
from support.running_stack import SHORT_TIMEOUTS, Site, run_site, wait_until

CLIENTS = 4
#: Every 16th image is large, and its worker is killed during rendering.
LARGE_EVERY = 16
#: Pause between two random kills, and the longest pause while no job ends.
PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
#: Leases, and the times after which jobs are sent again, end within a minute.
PARAMETERS = SHORT_TIMEOUTS | {
    "RedispatchSeconds": "20",
    "LongestRedispatchSeconds": "40",
    "InteractiveConcurrency": "2",
}
ROLES = ("api", "worker", "reconciler", "dead_letters")
GOOD = sample_images.make_jpeg(96, 64)
LARGE = (Path(__file__).parents[2] / "safelight" / "demo_images" / "contact-sheet.jpg").read_bytes()
#: A truncated file.
TRUNCATED = sample_images.make_jpeg(400, 300)[:3_000]


@dataclass
class Killer:
    """Kills function processes until it is stopped: workers that render, and random others."""

    site: Site
    #: IDs of large images that were accepted.
    large: Queue[str] = field(default_factory=Queue)
    killed: Counter[str] = field(default_factory=Counter)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Kill until stopped.

        The pauses grow while no job ends: on a busy machine, a function would be killed before each start ends.
        """
        pause, before = PAUSE_SECONDS, -1
        while not self.stopped.is_set():
            try:
                job_id = self.large.get(timeout=pause)
            except Empty:
                ended = count_ended(self.site)
                pause = PAUSE_SECONDS if ended != before else min(pause * 2, LONGEST_PAUSE_SECONDS)
                before = ended
                role = random.choice(ROLES)
                self._kill(role, self._processes(role)[:1])
            else:
                self._kill_during_rendering(job_id)

    def _kill_during_rendering(self, job_id: str) -> None:
        """Wait until a worker has claimed the job, then kill all workers."""
        while not self.stopped.is_set():
            status = self.site.item(job_id)["Status"]["S"]
            if status != "PENDING":
                break
            time.sleep(0.01)
        self._kill("worker", self._processes("worker"))

    def _processes(self, role: str) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return self.site.list_processes(role)
        return []

    def _kill(self, role: str, victims: list[psutil.Process]) -> None:
        for victim in victims:
            # The process may have ended by itself.
            with suppress(psutil.Error):
                victim.kill()
                self.killed[role] += 1


@pytest.fixture(scope="module")
def short_timeout_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a stack with short leases and timeouts."""
    yield from run_site(tmp_path_factory.mktemp("kills"), request.config.getoption("--engine"), PARAMETERS)


@contextmanager
def kill_in_background(site: Site) -> Iterator[Killer]:
    """Kill processes while the block runs."""
    killer = Killer(site)
    thread = threading.Thread(target=killer.run)
    thread.start()
    try:
        yield killer
    finally:
        killer.stopped.set()
        thread.join()


def submit(site: Site, body: bytes) -> str:
    """Post an image until the API accepts it; a killed function responds with an error."""
    while True:
        with suppress(httpx.TransportError):
            answer = site.http.post("jobs", content=body, headers={"Content-Type": "image/jpeg"})
            if answer.status_code == 202:
                job_id: str = answer.json()["id"]
                return job_id
            assert answer.status_code >= 500 or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS, answer.text


def submit_for_killer(site: Site, body: bytes, killer: Killer) -> str:
    """Post an image, and have the worker of a large one killed."""
    job_id = submit(site, body)
    if body is LARGE:
        killer.large.put(job_id)
    return job_id


def list_records(site: Site) -> dict[str, dict[str, Any]]:
    """Return every record of the table by ID."""
    pages = site.dynamodb.get_paginator("scan").paginate(TableName=site.stack.table)
    return {item["ID"]["S"]: dict(item) for page in pages for item in page["Items"]}


def count_statuses(site: Site) -> Counter[str]:
    """Count the records by status."""
    return Counter(record["Status"]["S"] for record in list_records(site).values())


@pytest.mark.faults
@pytest.mark.not_on(
    "localstack", reason="it kills processes at random, and functions may run in containers of other users"
)
@pytest.mark.thorough  # the simulator of tests/faults kills functions in every run
@pytest.mark.parametrize(
    "truncated_percent", [pytest.param(0, id="all valid"), pytest.param(5, id="5 percent truncated")]
)
def test_jobs_end_while_processes_are_killed(
    short_timeout_site: Site,
    truncated_percent: int,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """Each accepted job ends once: truncated images FAILED, all others COMPLETED with one result."""
    site, options = short_timeout_site, request.config.option
    jobs = options.kill_jobs
    truncated = jobs * truncated_percent // 100
    before = set(list_records(site))
    bodies = [LARGE if at % LARGE_EVERY == 0 else GOOD for at in range(jobs - truncated)] + [TRUNCATED] * truncated
    random.shuffle(bodies)
    with kill_in_background(site) as killer, ThreadPoolExecutor(CLIENTS) as clients:
        ids = list(clients.map(lambda body: submit_for_killer(site, body, killer), bodies))
        wait_until(lambda: not count_open(site))
        # A quick worker can end each rendering before its kill. Then more large images follow until one is hit.
        while not has_interrupted_job(list_new_records(site, before)):
            bodies.append(LARGE)
            ids.append(submit_for_killer(site, LARGE, killer))
            wait_until(lambda: not count_open(site))
    wait_until(lambda: not count_open(site))
    after = list_new_records(site, before)
    record_property("shown", f"{len(after)} jobs, killed {dict(killer.killed)}, {describe_attempts(after)}")
    assert set(ids) <= set(after), "accepted jobs are missing"
    for job_id, body in zip(ids, bodies, strict=True):
        check_record(site, after[job_id], body)
    # If a response was lost, the client posted its image again. These additional jobs end as well.
    assert {record["Status"]["S"] for record in after.values()} <= {"COMPLETED", "FAILED"}
    assert Counter(record["Status"]["S"] for job_id, record in after.items() if job_id in set(ids)) == Counter(
        {status: count for status, count in (("FAILED", truncated), ("COMPLETED", len(ids) - truncated)) if count}
    )


def list_new_records(site: Site, before: set[str]) -> dict[str, dict[str, Any]]:
    """Return every record by ID, without those of ``before``."""
    return {job_id: record for job_id, record in list_records(site).items() if job_id not in before}


def has_interrupted_job(records: dict[str, dict[str, Any]]) -> bool:
    """Return True if a worker was killed during rendering, so that another attempt followed."""
    return max(int(record["Attempt"]["N"]) for record in records.values()) > 1


def count_open(site: Site) -> int:
    """Return the number of jobs that have not ended."""
    return sum(count for status, count in count_statuses(site).items() if status not in {"COMPLETED", "FAILED"})


def count_ended(site: Site) -> int:
    """Return the number of jobs that have ended."""
    statuses = count_statuses(site)
    return statuses["COMPLETED"] + statuses["FAILED"]


def describe_attempts(after: dict[str, dict[str, Any]]) -> str:
    """Return the number of jobs by attempts."""
    attempts = Counter(int(record["Attempt"]["N"]) for record in after.values())
    return f"attempts {dict(sorted(attempts.items()))}"


def check_record(site: Site, record: dict[str, Any], body: bytes) -> None:
    """Check a record against its image."""
    job_id, history = record["ID"]["S"], [line["M"]["Status"]["S"] for line in record["History"]["L"]]
    assert sum(status in {"COMPLETED", "FAILED"} for status in history) == 1, history
    if body is TRUNCATED:
        assert record["Error"]["M"]["Code"]["S"] == "TRUNCATED_IMAGE", record
        return
    (output,) = record["Outputs"]["L"]
    key = output["M"]["Key"]["S"]
    assert key == f"processed/{job_id}/{record['Attempt']['N']}/image.png"
    head = site.s3.head_object(Bucket=site.stack.bucket, Key=key)
    assert head["ContentLength"] == int(output["M"]["Size"]["N"])
