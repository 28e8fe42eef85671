"""Watched prefixes on an engine: S3's own events, listings, and walkers and workers that are killed."""

import gc
import os
import random
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from support.running_stack import SHORT_TIMEOUTS, Site, run_site, send_until_admitted, wait_until
from support.sample_images import make_jpeg

#: Objects that are dropped while processes are killed. 10,000 take about an hour.
IMAGES = int(os.environ.get("SAFELIGHT_WATCH", "40"))
BUCKET = f"watched-{secrets.token_hex(4)}"
KEYS = ("in/a.jpg", "in/with space+plus.jpg", "in/100%/Zoë 圖片.jpg", "in/deep/er/b.jpg")


@dataclass(frozen=True)
class WatchStack:
    """A stack that may watch a bucket, whose events S3 sends to it."""

    site: Site

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self.site.s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def request(self, method: str, path: str, document: Any = None) -> Any:
        """Send a request and return the response."""
        return self.site.http.request(method, path, json=document).raise_for_status()

    def repeat(self, path: str, query: dict[str, str] | None = None, *, method: str = "GET") -> Any:
        """Return the response to an idempotent request, which is sent again if a busy engine refuses it."""
        answer = send_until_admitted(lambda: self.site.http.request(method, path, params=query))
        return answer.raise_for_status().json()

    def create(self, prefix: str, **more: Any) -> str:
        """Create a watch and return its ID."""
        body = {"preset": "thumbnail", "prefix": {"source": f"s3://{BUCKET}/{prefix}"}, **more}
        return str(self.request("POST", "watches", body).json()["id"])

    def read(self, watch_id: str) -> Any:
        """Return a watch."""
        return self.repeat(f"watches/{watch_id}")

    def walk(self) -> None:
        """Run the walker now, as its schedule does once a minute. It may be killed meanwhile."""
        with suppress(ClientError, BotoCoreError):
            self.site.functions.invoke(FunctionName=self.site.stack.functions["walker"], Payload=b"{}")

    def catch_up(self, watch_id: str) -> None:
        """Let the server list the prefix, and wait until it is over."""
        self.repeat(f"watches/{watch_id}/resume", method="POST")

        def is_over() -> bool:
            self.walk()
            return not self.read(watch_id)["catching_up"]

        wait_until(is_over)

    def list_jobs(self) -> list[Any]:
        """Return all jobs of the stack."""
        found: list[Any] = []
        query = {"limit": "100"}
        while True:
            page = self.repeat("jobs", query)
            found += page["jobs"]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

    def count_sources(self, prefix: str) -> Counter[str]:
        """Count the jobs by the key of their object under a prefix."""
        sources = [(job["raw"]["source"] or "").removeprefix(f"s3://{BUCKET}/") for job in self.list_jobs()]
        return Counter(each for each in sources if each.startswith(prefix))

    def count_done(self, prefix: str) -> int:
        """Return the number of completed jobs in the batches of a watch, which is quicker than a list of the jobs."""
        start = f"s3://{BUCKET}/{prefix} "
        batches = self.repeat("batches")["batches"]
        return sum(each["counts"]["completed"] for each in batches if (each["name"] or "").startswith(start))


@pytest.fixture(scope="module")
def stack(
    request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WatchStack]:
    """Start a stack that may watch one bucket, and let S3 send the bucket's events to its queue."""
    environment: dict[str, str] | None = {} if request.config.getoption("--trusting") else None
    parameters = {"ImportBuckets": BUCKET, "WatchBuckets": BUCKET, **SHORT_TIMEOUTS}
    for site in run_site(tmp_path_factory.mktemp("watches"), engine, parameters, environment):
        site.s3.create_bucket(Bucket=BUCKET)
        url = get_event_queue(site)
        arn = site.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        site.s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [{"Id": "safelight", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
            },
        )
        yield WatchStack(site)


def get_event_queue(site: Site) -> str:
    """Return the URL of the queue to which S3 sends the events of watched buckets."""
    queue = site.stack.functions["walker"].removesuffix("-walker") + "-watch"
    return site.sqs.get_queue_url(QueueName=queue)["QueueUrl"]


def wait_for_events(site: Site) -> None:
    """Wait until the walker has handled all events of S3 so far."""
    url = get_event_queue(site)

    def is_empty() -> bool:
        counts = site.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        hidden = int(counts["ApproximateNumberOfMessagesNotVisible"])
        return int(counts["ApproximateNumberOfMessages"]) + hidden == 0

    wait_until(is_empty)


def test_objects_become_jobs_through_events_and_listings(stack: WatchStack) -> None:
    """Each once, with keys of any kind. A pause holds, and a resume catches up. A deleted watch does nothing."""
    watch_id = stack.create("in/", tags={"kind": "small"})
    for number, key in enumerate(KEYS):
        stack.put(key, make_jpeg(16 + number, 16))
    stack.put("in/notes.txt", b"words")
    stack.put("out/c.jpg", make_jpeg(9, 9))
    wait_until(lambda: stack.read(watch_id)["counts"]["jobs"] == len(KEYS))
    stack.put(KEYS[0], make_jpeg(16, 16))  # the same content
    stack.request("POST", f"watches/{watch_id}/pause")
    stack.put("in/paused.jpg", make_jpeg(30, 30))
    stack.catch_up(watch_id)
    assert stack.count_sources("in/") == Counter((*KEYS, "in/paused.jpg"))
    wait_until(lambda: stack.count_done("in/") == len(KEYS) + 1)
    watch = stack.read(watch_id)
    assert watch["counts"] == {"jobs": len(KEYS) + 1, "skipped": 0}
    assert stack.count_sources("out/") == Counter()
    batches = [each for each in stack.repeat("batches")["batches"] if "/in/" in each["name"]]
    assert sum(batch["total"] for batch in batches) == len(KEYS) + 1
    assert len(batches) <= 2  # one for each day
    assert stack.request("DELETE", f"watches/{watch_id}").status_code == 204
    stack.put("in/late.jpg", make_jpeg(31, 31))
    wait_for_events(stack.site)
    stack.walk()
    assert stack.count_sources("in/late.jpg") == Counter()


@pytest.mark.thorough
@pytest.mark.not_on("localstack", reason="it kills processes at random")
# If a function is killed that boto3 has invoked, botocore can leave the connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_each_object_has_one_job_while_processes_are_killed(stack: WatchStack) -> None:
    """5 % of the objects arrive twice. No job, no result and no object is missing, and nothing is processed again."""
    watch_id = stack.create("many/")
    keys = [f"many/{number % 7}/{number:05}.jpg" for number in range(IMAGES)]

    def put(number: int) -> None:
        data = make_jpeg(16 + number % 200, 16 + number // 200)
        for _ in range(2 if number % 20 == 0 else 1):
            stack.put(keys[number], data)

    with kill_processes(stack.site) as killed:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(put, range(IMAGES)))
        wait_until(lambda: len(killed) >= 2)
        stack.walk()
    stack.catch_up(watch_id)
    assert stack.count_sources("many/") == Counter(keys)
    assert stack.read(watch_id)["counts"] == {"jobs": IMAGES, "skipped": 0}
    wait_until(lambda: stack.count_done("many/") == IMAGES, 7200)
    done = [job for job in stack.list_jobs() if (job["raw"]["source"] or "").startswith(f"s3://{BUCKET}/many/")]
    assert Counter(job["status"] for job in done) == Counter(COMPLETED=IMAGES)
    stack.catch_up(watch_id)
    assert stack.count_sources("many/") == Counter(keys), "a result was taken for a new object"
    pages = stack.site.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="many/")
    assert sum(page["KeyCount"] for page in pages) == IMAGES


@contextmanager
def kill_processes(site: Site) -> Iterator[list[int]]:
    """Kill processes of the walker and of the worker at random. Yield the IDs of the killed processes."""
    ended = threading.Event()
    killed: list[int] = []

    def kill() -> None:
        while not ended.wait(random.uniform(0.5, 4)):
            for role in ("walker", "worker"):
                for process in site.list_processes(role):
                    with suppress(psutil.Error):
                        process.kill()
                        killed.append(process.pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()
        gc.collect()  # the connections, while the test ignores their warnings
