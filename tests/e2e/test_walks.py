"""Operations on batches that the server continues on an engine, while the walker is killed and no client exists."""

import gc
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from support.running_stack import Site, run_site, wait_until
from support.sample_images import make_jpeg

from infra.sessions import local_session

#: Objects of an import, and jobs of a backfill. 1000 take some minutes.
IMAGES = int(os.environ.get("SAFELIGHT_WALK", "30"))
BUCKET = f"walk-sources-{secrets.token_hex(4)}"
MIN_KILLS = 2


@dataclass(frozen=True)
class WalkStack:
    """A stack that may import from a bucket."""

    site: Site

    def post(self, path: str, document: Any = None) -> Any:
        """Send a request that leaves everything to the server, and return the response."""
        headers = {"Prefer": "respond-async"}
        return self.site.http.post(path, json=document, headers=headers).raise_for_status().json()

    def read(self, batch_id: str) -> Any:
        """Return a batch."""
        return self.site.http.get(f"batches/{batch_id}").raise_for_status().json()

    def store(self, prefix: str, count: int) -> None:
        """Store images under a prefix."""

        def put(number: int) -> None:
            data = make_jpeg(16 + number % 40, 16 + number // 40)
            self.site.s3.put_object(Bucket=BUCKET, Key=f"{prefix}{number:05}.jpg", Body=data)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(put, range(count)))

    def start_import(self, prefix: str, preset: str = "thumbnail") -> str:
        """Create an import of a prefix, and return its ID. No client does anything more for it."""
        body = {"preset": preset, "prefix": {"source": f"s3://{BUCKET}/{prefix}"}}
        return str(self.post("batches", body)["batch"]["id"])

    def walk(self) -> None:
        """Run the walker now, as its schedule does once a minute. It may be killed meanwhile."""
        with suppress(ClientError, BotoCoreError):
            self.site.functions.invoke(FunctionName=self.site.stack.functions["walker"], Payload=b"{}")

    def walk_while_killing(self) -> None:
        """Run the walker again and again while its processes are killed, until some were killed."""
        with kill_walkers(self.site) as killed:

            def is_attacked() -> bool:
                self.walk()
                return len(killed) >= MIN_KILLS

            wait_until(is_attacked)

    def wait_until_over(self, batch_id: str) -> Any:
        """Run the walker until it has nothing left to do for a batch, and return the batch."""

        def is_over() -> bool:
            self.walk()
            return bool(self.read(batch_id)["walk"]["state"] == "over")

        wait_until(is_over)
        return self.read(batch_id)

    def list_members(self, batch_id: str) -> list[Any]:
        """Return all members of a batch."""
        found: list[Any] = []
        query = {"limit": "100"}
        while True:
            page = self.site.http.get(f"batches/{batch_id}/items", params=query).raise_for_status().json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]


@contextmanager
def kill_walkers(site: Site) -> Iterator[list[int]]:
    """Kill each process of the walker soon after it has started. Yield the IDs of the killed processes."""
    ended = threading.Event()
    killed: list[int] = []

    def kill() -> None:
        pause = 0.2
        while not ended.wait(pause):
            for process in site.list_processes("walker"):
                with suppress(psutil.Error):
                    process.kill()
                    killed.append(process.pid)
            pause = min(pause * 1.5, 5)  # so that it gets further each time

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()
        gc.collect()  # the connections, while the test ignores their warnings


def get_function_arn(site: Site, role: str) -> str:
    """Return the ARN of a function."""
    return site.functions.get_function_configuration(FunctionName=site.stack.functions[role])["FunctionArn"]


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WalkStack]:
    """Start a stack that may import from one bucket, without the schedule of the walker, which the tests run."""
    environment: dict[str, str] | None = {} if request.config.getoption("--trusting") else None
    for site in run_site(tmp_path_factory.mktemp("walks"), engine, {"ImportBuckets": BUCKET}, environment):
        site.s3.create_bucket(Bucket=BUCKET)
        events = local_session(site.stack.endpoint_url).client("events")
        (rule,) = events.list_rule_names_by_target(TargetArn=get_function_arn(site, "walker"))["RuleNames"]
        events.disable_rule(Name=rule)
        yield WalkStack(site)


# If a function is killed that boto3 has invoked, botocore can leave the connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_import_and_a_backfill_end_without_a_client(
    stack: WalkStack, record_property: Callable[[str, object], None]
) -> None:
    """Every object and every stored image gets one job with a result, although the walker of the import is killed."""
    stack.store("all/", IMAGES)
    first = stack.start_import("all/")
    stack.walk_while_killing()
    batch = stack.wait_until_over(first)
    assert (batch["total"], batch["closed"], batch["prefix"]["examined"]) == (IMAGES, True, IMAGES)
    wait_until(lambda: stack.read(first)["done"])
    assert stack.read(first)["counts"]["completed"] == IMAGES
    sources = Counter(job["raw"]["source"].rpartition("/")[2] for job in stack.list_members(first))
    assert sources == Counter(f"{number:05}.jpg" for number in range(IMAGES))

    began = time.monotonic()
    second = str(stack.post("batches", {"preset": "web", "backfill": {"batch": first}})["batch"]["id"])
    batch = stack.wait_until_over(second)
    record_property("shown", f"{IMAGES} members of a backfill created in {time.monotonic() - began:.1f} s")
    assert (batch["total"], batch["backfill"]["complete"]) == (IMAGES, True)
    wait_until(lambda: stack.read(second)["done"])
    assert stack.read(second)["counts"]["completed"] == IMAGES


def test_a_cancel_in_the_middle_leaves_exact_counts(stack: WalkStack) -> None:
    """No member is created after it, all that exist have ended, and the counts are those of the members."""
    stack.store("cancelled/", 2 * IMAGES)
    batch_id = stack.start_import("cancelled/")
    walker = threading.Thread(target=stack.walk)
    walker.start()
    wait_until(lambda: stack.read(batch_id)["total"] > 0)
    stack.post(f"batches/{batch_id}/cancel")
    walker.join()
    batch = stack.wait_until_over(batch_id)
    wait_until(lambda: stack.read(batch_id)["done"])
    statuses = Counter(job["status"].lower() for job in stack.list_members(batch_id))
    batch = stack.read(batch_id)
    assert {status: count for status, count in batch["counts"].items() if count} == statuses
    assert batch["total"] == statuses.total() <= 2 * IMAGES


def test_a_retry_and_a_pause_continue_without_a_client(stack: WalkStack) -> None:
    """Members that failed are retried once each, and a paused import continues when it is resumed."""
    for number in range(12):
        stack.site.s3.put_object(Bucket=BUCKET, Key=f"bad/{number}.jpg", Body=b"words")
    batch_id = stack.start_import("bad/")
    assert stack.post(f"batches/{batch_id}/pause")["walk"]["state"] == "paused"
    stack.walk()
    assert stack.read(batch_id)["total"] == 0
    assert stack.post(f"batches/{batch_id}/resume")["walk"]["state"] == "running"
    stack.wait_until_over(batch_id)
    wait_until(lambda: stack.read(batch_id)["counts"]["failed"] == 12)
    stack.post(f"batches/{batch_id}/retry-failed")
    stack.wait_until_over(batch_id)
    wait_until(lambda: stack.read(batch_id)["done"])
    histories = [stack.site.http.get(f"jobs/{job['id']}").json()["history"] for job in stack.list_members(batch_id)]
    assert [sum(line["code"] == "RETRIED" for line in history) for history in histories] == [1] * 12


def test_a_cancelled_member_has_no_parts(stack: WalkStack) -> None:
    """The walker aborts the multipart upload of a member that it cancels."""
    member = {"content_type": "image/tiff", "size": 90_000_000, "method": "multipart"}
    created = stack.post("batches", {"items": [member]})
    batch_id = created["batch"]["id"]
    job_id = created["items"][0]["job"]["id"]
    stack.post(f"uploads/{job_id}/form")
    images, prefix = stack.site.stack.bucket, f"raw/bulk/{job_id}"
    assert len(stack.site.s3.list_multipart_uploads(Bucket=images, Prefix=prefix)["Uploads"]) == 1
    stack.post(f"batches/{batch_id}/cancel")
    assert stack.wait_until_over(batch_id)["counts"]["cancelled"] == 1
    assert "Uploads" not in stack.site.s3.list_multipart_uploads(Bucket=images, Prefix=prefix)
