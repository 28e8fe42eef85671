"""Measure status, listing and creation requests with 100 and with 100,000 jobs in the table.

``python benchmarks/table_growth.py`` uses the embedded engine and writes completed jobs directly to the table. Absolute
times depend on the machine, so compare the ratios. The script also prints figures that do not depend on the engine:
calls to DynamoDB, examined items and consumed capacity.
"""

import argparse
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from infra import local_stack
from infra.sessions import local_session
from infra.stack import Stack
from shared.aws.dynamodb.job_item import from_item, to_item
from shared.aws.dynamodb.job_listing import JobListing, JobQuery
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.dynamodb.wire import to_wire
from shared.ids import new_id
from shared.jobs.job import ANONYMOUS, Job, JobStatus, ProcessedImage, RawImage
from shared.jobs.job_spec import JobSpec
from shared.pipeline.pipeline import DEFAULT_PIPELINE

IMAGE = Path(__file__).parents[1] / "safelight" / "demo_images" / "clock-small.png"
SMALL = 100
ROUNDS = 60
#: Default of the template's parameter ``ListingShards``.
SHARDS = 4
WRITERS = 4


def main() -> None:
    """Measure with few and with many jobs, and print both results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("jobs", type=int, nargs="?", default=100_000, help="number of jobs in the large table")
    large = parser.parse_args().jobs
    with tempfile.TemporaryDirectory() as folder:
        stack = local_stack.up(Path(folder), "embedded", {"NamePrefix": f"bench-{secrets.token_hex(4)}"})
        try:
            write_jobs(stack, SMALL)
            few, few_usage = measure_requests(stack), measure_table_usage(stack)
            write_jobs(stack, large - SMALL)
            many, many_usage = measure_requests(stack), measure_table_usage(stack)
        finally:
            local_stack.down(Path(folder), wipe=True)
    print(f"Median of {ROUNDS} requests, milliseconds{SMALL:>10,} jobs{large:>12,} jobs     ratio")
    for name, before in few.items():
        print(f"  {name:32}{before:15.1f}{many[name]:17.1f}{many[name] / before:10.2f}")
    print("Calls to DynamoDB, examined items, consumed capacity units")
    for name, usage in few_usage.items():
        print(f"  {name:32}{usage!s:>15}{many_usage[name]!s:>17}")


@dataclass(slots=True)
class TableUsage:
    """The DynamoDB usage of one operation."""

    calls: int = 0
    #: Number of items that DynamoDB examined, including items that a filter removed.
    items: int = 0
    #: Consumed read or write capacity units.
    units: float = 0.0

    def __str__(self) -> str:
        return f"{self.calls}, {self.items}, {self.units:g}"

    def add(self, parsed: dict[str, Any], **_: object) -> None:
        """Add the usage of one response."""
        self.calls += 1
        self.items += parsed.get("ScannedCount", 0) + sum(map(len, parsed.get("Responses", {}).values()))
        self.items += "Item" in parsed
        capacity = parsed.get("ConsumedCapacity", [])
        self.units += sum(each["CapacityUnits"] for each in (capacity if isinstance(capacity, list) else [capacity]))


def measure_table_usage(stack: Stack) -> dict[str, TableUsage]:
    """Return the DynamoDB usage of each operation."""
    client = local_session(stack.endpoint_url).client("dynamodb")
    client.meta.events.register(
        "provide-client-params.dynamodb", lambda params, **_: {**params, "ReturnConsumedCapacity": "TOTAL"}
    )
    table = JobTable(client, stack.table, batch_table="", bucket="bench", listing_shards=SHARDS)
    listing = JobListing(client, stack.table, listing_shards=SHARDS)
    now = datetime.now(UTC)
    page = listing.page(JobQuery(owner=ANONYMOUS, now=now, limit=50))
    operations: dict[str, Callable[[], object]] = {
        "status of a job": lambda: table.get(page.jobs[0].id),
        "listing, 20 newest": lambda: listing.page(JobQuery(owner=ANONYMOUS, now=now)),
        "listing, 20 after a cursor": lambda: listing.page(
            JobQuery(owner=ANONYMOUS, now=now, before_id=page.next_before_id)
        ),
        "creation": lambda: table.create(from_item(next(generate_finished_jobs(1)))),
    }
    result = {}
    for name, operation in operations.items():
        result[name] = usage = TableUsage()
        client.meta.events.register("after-call.dynamodb", usage.add)
        operation()
        client.meta.events.unregister("after-call.dynamodb", usage.add)
    return result


def write_jobs(stack: Stack, count: int) -> None:
    """Write completed jobs of one owner that were created during the last days."""
    client = local_session(stack.endpoint_url).client("dynamodb")

    def write(items: tuple[Any, ...]) -> None:
        requests = [{"PutRequest": {"Item": to_wire(item)}} for item in items]
        client.batch_write_item(RequestItems={stack.table: requests})

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, split_chunks(generate_finished_jobs(count), 25)))


def split_chunks(items: Iterator[Any], size: int) -> Iterator[tuple[Any, ...]]:
    """Yield the items in tuples of at most ``size``."""
    while chunk := tuple(islice(items, size)):
        yield chunk


def generate_finished_jobs(count: int) -> Iterator[dict[str, Any]]:
    """Yield the DynamoDB items of completed jobs."""
    start = datetime.now(UTC) - timedelta(days=3)
    for number in range(count):
        at = start + timedelta(milliseconds=number * 2)
        job_id = new_id(at)
        job = Job.new(
            JobSpec(DEFAULT_PIPELINE),
            job_id=job_id,
            filename=f"{number}.png",
            raw=RawImage(key=f"raw/api/{job_id}", size=10_000, format="PNG", digest="00" * 32),
            owner=ANONYMOUS,
            now=at,
            due_after=timedelta(minutes=15),
            retention=timedelta(days=30),
        )
        output = ProcessedImage(
            name="image",
            key=f"processed/{job_id}/1/image.png",
            size=5_000,
            width=100,
            height=100,
            format="PNG",
            media_type="image/png",
            digest="00" * 32,
        )
        running = job._transition(JobStatus.PROCESSING, at)  # noqa: SLF001 - the claim itself is a write to the table
        yield to_item(running.complete(raw=job.raw, outputs=(output,), warnings=(), now=at), "bench", SHARDS)


def measure_requests(stack: Stack) -> dict[str, float]:
    """Return the median milliseconds of each request."""
    image = IMAGE.read_bytes()
    with httpx.Client(base_url=stack.api_url + "/", timeout=120, trust_env=False) as http:
        first = http.get("jobs", params={"limit": 1}).raise_for_status().json()["jobs"][0]["id"]
        cursor = http.get("jobs", params={"limit": 50}).raise_for_status().json()["next_cursor"]
        return {
            "status of a job": measure(lambda: http.get(f"jobs/{first}")),
            "listing, 20 newest": measure(lambda: http.get("jobs", params={"limit": 20})),
            "listing, 20 after a cursor": measure(lambda: http.get("jobs", params={"limit": 20, "cursor": cursor})),
            "creation by upload": measure(lambda: http.post("uploads", json={"content_type": "image/png"})),
            "creation with the image": measure(
                lambda: http.post("jobs", content=image, headers={"Content-Type": "image/png"})
            ),
        }


def measure(send: Callable[[], httpx.Response]) -> float:
    """Return the median milliseconds of a request after three warm-up requests."""
    times = []
    for number in range(ROUNDS + 3):
        started = time.perf_counter()
        send().raise_for_status()
        if number >= 3:
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main()
