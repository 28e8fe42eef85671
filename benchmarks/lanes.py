"""Prints how long an interactive upload takes on an idle stack and while a batch of 2,000 images runs, and the ratio.

Run it on the embedded engine: ``python benchmarks/lanes.py [members]``. Both are taken in one run; their ratio is what
can be compared. The whole batch lies in its queue before its lane is opened. An upload is one ``POST /v1/jobs`` with
``Prefer: wait``, from the first byte sent to the finished result.
"""

import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from infra import local
from infra.sessions import local_session
from infra.stack import Stack

PICTURES = Path(__file__).parents[1] / "safelight" / "demo_images"
UPLOADED = PICTURES / "astronaut.jpg"
MEMBER = PICTURES / "clock-small.png"
CHUNK = 100
SENDERS = 2
ROUNDS = 15


def main() -> None:
    """Measure idle, then under the batch, and print both."""
    members = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory() as folder:
        stack = local.up(Path(folder), "embedded", {"NamePrefix": f"bench-{secrets.token_hex(4)}"})
        try:
            with httpx.Client(base_url=stack.api_url + "/", timeout=120, trust_env=False) as http:
                uploads(http, 3)
                idle = uploads(http, ROUNDS)
                batch_id, forms = announced(http, members)
                with bulk_stopped(stack), ThreadPoolExecutor(SENDERS) as senders:
                    list(senders.map(send, forms))
                started = time.perf_counter()
                busy = under_load(http, batch_id)
                took = time.perf_counter() - started
        finally:
            local.down(Path(folder), wipe=True)
    print(f"Interactive upload, idle               {told(idle)}")
    print(f"Interactive upload, {members:,} members run  {told(busy)}")
    print(f"Ratio of the medians                   {statistics.median(busy) / statistics.median(idle):.2f}")
    print(f"The batch took {took:.0f} s, {members / took:.0f} members a second, with {len(busy)} uploads in between")


@contextmanager
def bulk_stopped(stack: Stack) -> Iterator[None]:
    """Let members wait in their queue, so that all of them are there when it begins."""
    client = local_session(stack.endpoint_url).client("lambda")
    mappings = client.list_event_source_mappings(FunctionName=stack.functions["worker"])["EventSourceMappings"]
    (bulk,) = [each["UUID"] for each in mappings if each["EventSourceArn"].endswith("-bulk")]
    client.update_event_source_mapping(UUID=bulk, Enabled=False)
    yield
    client.update_event_source_mapping(UUID=bulk, Enabled=True)


def under_load(http: httpx.Client, batch_id: str) -> list[float]:
    """Upload again and again until the batch is done; what the end of the batch overtakes does not count."""
    times: list[float] = []
    while True:
        (latest,) = uploads(http, 1)
        if read(http, batch_id)["done"]:
            return times
        times.append(latest)


def uploads(http: httpx.Client, count: int) -> list[float]:
    """Return the time of some uploads, in seconds."""
    picture, times = UPLOADED.read_bytes(), []
    headers = {"Content-Type": "image/jpeg", "Prefer": "wait=20"}
    for _ in range(count):
        started = time.perf_counter()
        answer = http.post("jobs", content=picture, headers=headers).raise_for_status()
        job = answer.json()
        while not job["done"]:
            job = http.get(f"jobs/{job['id']}").raise_for_status().json()
        times.append(time.perf_counter() - started)
    return times


def announced(http: httpx.Client, members: int) -> tuple[str, list[dict[str, Any]]]:
    """Make a closed batch; return its ID and the forms of its members."""
    batch_id = http.post("batches", json={}).raise_for_status().json()["batch"]["id"]
    forms: list[dict[str, Any]] = []
    for start in range(0, members, CHUNK):
        items = [{"content_type": "image/png"}] * min(CHUNK, members - start)
        answer = http.post(f"batches/{batch_id}/items", json={"items": items, "close": start + CHUNK >= members})
        forms += [item["upload"] for item in answer.raise_for_status().json()["items"]]
    return batch_id, forms


def send(form: dict[str, Any]) -> None:
    """Send one member."""
    files = {"file": ("a", MEMBER.read_bytes())}
    httpx.post(form["url"], data=form["fields"], files=files, timeout=120, trust_env=False).raise_for_status()


def read(http: httpx.Client, batch_id: str) -> dict[str, Any]:
    """Read the batch."""
    batch: dict[str, Any] = http.get(f"batches/{batch_id}").raise_for_status().json()
    return batch


def told(times: list[float]) -> str:
    """Write the middle and the worst, in milliseconds."""
    worst = sorted(times)[int(0.95 * (len(times) - 1))]
    return f"median {statistics.median(times) * 1000:6.0f} ms, 95th of 100 {worst * 1000:6.0f} ms"


if __name__ == "__main__":
    main()
