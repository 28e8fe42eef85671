"""Real processes are killed while a thousand jobs go through the whole stack."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx
import psutil
import pytest
from support import sample_images
from support.running_stack import QUICK, Site, running_site, until

CLIENTS = 4
#: One image in so many is large, and its worker is killed as soon as it has begun.
LARGE_EVERY = 40
#: Between two other victims, chosen at random.
PAUSE_SECONDS = 2.0
PATIENCE_SECONDS = 240.0
#: Everything that has to run out does so within a minute.
SHORT = QUICK | {
    "RedispatchSeconds": "20",
    "LongestRedispatchSeconds": "40",
    "InteractiveConcurrency": "2",
}
ROLES = ("api", "worker", "reconciler", "dead_letters")
GOOD = sample_images.jpeg(96, 64)
LARGE = (Path(__file__).parents[2] / "safelight" / "demo_images" / "contact-sheet.jpg").read_bytes()
#: Ends too early.
POISONED = sample_images.jpeg(400, 300)[:3_000]


@dataclass
class Killer:
    """Kills function processes until it is told to stop: workers at work, and whoever comes along."""

    site: Site
    #: IDs of large images that were accepted.
    large: Queue[str] = field(default_factory=Queue)
    killed: Counter[str] = field(default_factory=Counter)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Kill."""
        while not self.stopped.is_set():
            try:
                job_id = self.large.get(timeout=PAUSE_SECONDS)
            except Empty:
                role = random.choice(ROLES)
                self._kill(role, self._processes(role)[:1])
            else:
                self._kill_at_work(job_id)

    def _kill_at_work(self, job_id: str) -> None:
        """Wait until a worker has claimed the job; then no worker survives."""
        while not self.stopped.is_set():
            status = self.site.item(job_id)["Status"]["S"]
            if status != "PENDING":
                break
            time.sleep(0.01)
        self._kill("worker", self._processes("worker"))

    def _processes(self, role: str) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return self.site.function_processes(role)
        return []

    def _kill(self, role: str, victims: list[psutil.Process]) -> None:
        for victim in victims:
            # It may be gone by itself between looking and killing.
            with suppress(psutil.Error):
                victim.kill()
                self.killed[role] += 1


@pytest.fixture(scope="module")
def deadly_site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a stack whose deliveries come back soon."""
    yield from running_site(tmp_path_factory.mktemp("deadly"), request.config.getoption("--engine"), SHORT)


@contextmanager
def killing(site: Site) -> Iterator[Killer]:
    """Kill in the background as long as the block runs."""
    killer = Killer(site)
    thread = threading.Thread(target=killer.run)
    thread.start()
    try:
        yield killer
    finally:
        killer.stopped.set()
        thread.join()


def accepted(site: Site, body: bytes) -> str:
    """Post an image until the API accepts it: a killed function answers with an error, which the client retries."""
    while True:
        with suppress(httpx.TransportError):
            answer = site.http.post("jobs", content=body, headers={"Content-Type": "image/jpeg"})
            if answer.status_code == 202:
                job_id: str = answer.json()["id"]
                return job_id
            assert answer.status_code >= 500, answer.text


def submitted(site: Site, body: bytes, killer: Killer) -> str:
    """Post an image; tell the killer of a large one."""
    job_id = accepted(site, body)
    if body is LARGE:
        killer.large.put(job_id)
    return job_id


def records(site: Site) -> dict[str, dict[str, Any]]:
    """Return every record of the table, by ID."""
    pages = site.dynamodb.get_paginator("scan").paginate(TableName=site.stack.table)
    return {item["ID"]["S"]: dict(item) for page in pages for item in page["Items"]}


def statuses(site: Site) -> Counter[str]:
    """Count the records by status."""
    return Counter(record["Status"]["S"] for record in records(site).values())


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.not_on("localstack", reason="it kills at random, and functions may be containers of somebody's Docker")
@pytest.mark.parametrize("poisoned_percent", [0, 5], ids=["all good", "5 percent poisoned"])
def test_jobs_end_while_processes_are_killed(
    deadly_site: Site,
    poisoned_percent: int,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """Each accepted job ends once: the poisoned FAILED with their reason, all others COMPLETED with one true result."""
    site, jobs = deadly_site, int(request.config.getoption("--kill-jobs"))
    poisoned = jobs * poisoned_percent // 100
    before = set(records(site))
    bodies = [LARGE if at % LARGE_EVERY == 0 else GOOD for at in range(jobs - poisoned)] + [POISONED] * poisoned
    random.shuffle(bodies)
    with killing(site) as killer, ThreadPoolExecutor(CLIENTS) as clients:
        ids = list(clients.map(lambda body: submitted(site, body, killer), bodies))
    until(lambda: not unfinished(site), PATIENCE_SECONDS)
    after = {job_id: record for job_id, record in records(site).items() if job_id not in before}
    record_property("shown", f"{len(after)} jobs, killed {dict(killer.killed)}, {told(after)}")
    assert max(int(record["Attempt"]["N"]) for record in after.values()) > 1, "nobody was killed at work"
    assert set(ids) <= set(after), "accepted and lost"
    for job_id, body in zip(ids, bodies, strict=True):
        check(site, after[job_id], body)
    # A client whose answer was lost sent its image again: such jobs end as well, and nothing else is there.
    assert {record["Status"]["S"] for record in after.values()} <= {"COMPLETED", "FAILED"}
    assert Counter(record["Status"]["S"] for job_id, record in after.items() if job_id in set(ids)) == Counter(
        {status: count for status, count in (("FAILED", poisoned), ("COMPLETED", jobs - poisoned)) if count}
    )


def unfinished(site: Site) -> int:
    """Return how many jobs have not ended."""
    return sum(count for status, count in statuses(site).items() if status not in {"COMPLETED", "FAILED"})


def told(after: dict[str, dict[str, Any]]) -> str:
    """Say how many jobs needed more than one attempt."""
    attempts = Counter(int(record["Attempt"]["N"]) for record in after.values())
    return f"attempts {dict(sorted(attempts.items()))}"


def check(site: Site, record: dict[str, Any], body: bytes) -> None:
    """Compare one record with what its image deserves."""
    job_id, history = record["ID"]["S"], [line["M"]["Status"]["S"] for line in record["History"]["L"]]
    assert sum(status in {"COMPLETED", "FAILED"} for status in history) == 1, history
    if body is POISONED:
        assert record["Error"]["M"]["Code"]["S"] == "TRUNCATED_IMAGE", record
        return
    (output,) = record["Outputs"]["L"]
    key = output["M"]["Key"]["S"]
    assert key == f"processed/{job_id}/{record['Attempt']['N']}/image.png"
    head = site.s3.head_object(Bucket=site.stack.bucket, Key=key)
    assert head["ContentLength"] == int(output["M"]["Size"]["N"])
