"""Measure how long an interactive upload takes on an idle stack and while a large batch runs.

``python benchmarks/queue_isolation.py`` uses the embedded engine. Compare the ratio of both times. The worker starts to
process the batch when all members are in the bulk queue. An upload is one ``POST /v1/jobs`` with ``Prefer: wait``. Its
time starts when the first byte is sent and ends when the job has ended.
"""

import argparse
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from infra import local_stack
from infra.sessions import local_session
from infra.stack import Stack

IMAGES = Path(__file__).parents[1] / "safelight" / "demo_images"
UPLOADED = IMAGES / "astronaut.jpg"
MEMBER = IMAGES / "clock-small.png"
CHUNK = 100
CLIENTS = 2
ROUNDS = 15


def main() -> None:
    """Measure uploads before and during the batch, and print both times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("members", type=int, nargs="?", default=2_000, help="number of batch members")
    members = parser.parse_args().members
    with tempfile.TemporaryDirectory() as folder:
        stack = local_stack.up(Path(folder), "embedded", {"NamePrefix": f"bench-{secrets.token_hex(4)}"})
        try:
            with httpx.Client(base_url=stack.api_url + "/", timeout=120, trust_env=False) as http:
                measure_uploads(http, 3)
                idle = measure_uploads(http, ROUNDS)
                batch_id, forms = create_batch(http, members)
                with disabled_bulk_mapping(stack), ThreadPoolExecutor(CLIENTS) as clients:
                    list(clients.map(upload_member, forms))
                started = time.perf_counter()
                busy = measure_during_batch(http, batch_id)
                seconds = time.perf_counter() - started
        finally:
            local_stack.down(Path(folder), wipe=True)
    print(f"Interactive upload, idle               {format_times(idle)}")
    print(f"Interactive upload, {members:,} members      {format_times(busy)}")
    print(f"Ratio of the medians                   {statistics.median(busy) / statistics.median(idle):.2f}")
    print(f"Batch: {seconds:.0f} s, {members / seconds:.0f} members per second; {len(busy)} uploads during the batch")


@contextmanager
def disabled_bulk_mapping(stack: Stack) -> Iterator[None]:
    """Disable the event source mapping of the bulk queue in this context."""
    client = local_session(stack.endpoint_url).client("lambda")
    mappings = client.list_event_source_mappings(FunctionName=stack.functions["worker"])["EventSourceMappings"]
    (bulk,) = [each["UUID"] for each in mappings if each["EventSourceArn"].endswith("-bulk")]
    client.update_event_source_mapping(UUID=bulk, Enabled=False)
    yield
    client.update_event_source_mapping(UUID=bulk, Enabled=True)


def measure_during_batch(http: httpx.Client, batch_id: str) -> list[float]:
    """Return the seconds of each upload during the batch, without the upload during which the batch ends."""
    times: list[float] = []
    while True:
        (latest,) = measure_uploads(http, 1)
        if get_batch(http, batch_id)["done"]:
            return times
        times.append(latest)


def measure_uploads(http: httpx.Client, count: int) -> list[float]:
    """Make ``count`` uploads one after the other, and return the seconds of each."""
    image, times = UPLOADED.read_bytes(), []
    headers = {"Content-Type": "image/jpeg", "Prefer": "wait=20"}
    for _ in range(count):
        started = time.perf_counter()
        response = http.post("jobs", content=image, headers=headers).raise_for_status()
        job = response.json()
        while not job["done"]:
            job = http.get(f"jobs/{job['id']}").raise_for_status().json()
        times.append(time.perf_counter() - started)
    return times


def create_batch(http: httpx.Client, members: int) -> tuple[str, list[dict[str, Any]]]:
    """Create a closed batch. Return its ID and the upload forms of its members."""
    batch_id = http.post("batches", json={}).raise_for_status().json()["batch"]["id"]
    forms: list[dict[str, Any]] = []
    for start in range(0, members, CHUNK):
        items = [{"content_type": "image/png"}] * min(CHUNK, members - start)
        response = http.post(f"batches/{batch_id}/items", json={"items": items, "close": start + CHUNK >= members})
        forms += [item["upload"] for item in response.raise_for_status().json()["items"]]
    return batch_id, forms


def upload_member(form: dict[str, Any]) -> None:
    """Upload one member."""
    files = {"file": ("a", MEMBER.read_bytes())}
    httpx.post(form["url"], data=form["fields"], files=files, timeout=120, trust_env=False).raise_for_status()


def get_batch(http: httpx.Client, batch_id: str) -> dict[str, Any]:
    """Return the batch."""
    batch: dict[str, Any] = http.get(f"batches/{batch_id}").raise_for_status().json()
    return batch


def format_times(times: list[float]) -> str:
    """Return the median and the 95th percentile in milliseconds as text."""
    p95 = sorted(times)[int(0.95 * (len(times) - 1))]
    return f"median {statistics.median(times) * 1000:6.0f} ms, 95th percentile {p95 * 1000:6.0f} ms"


if __name__ == "__main__":
    main()
