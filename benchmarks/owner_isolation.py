"""Measure how long ten images of owner B take, alone and behind a backlog of owner A in the same queue.

``python benchmarks/owner_isolation.py`` uses the embedded engine with ``ApiAuth=iam`` and two IAM users. Compare the
ratios, not the seconds. The embedded engine keeps message groups but delivers messages in order, so B waits for A's
backlog there. ``python -m simulation --fairness`` shows the same scenario on AWS, with and without fair queues.
"""

import argparse
import secrets
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from queue_isolation import MEMBER, upload_member

from infra import local_stack
from infra.sessions import LOCAL_REGION, local_session
from infra.stack import Stack
from safelight.transport.aws_credentials import Credentials
from safelight.transport.signing import SignatureV4

GUESTS = 10
CLIENTS = 4
QUEUES = ("interactive", "bulk")
_POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"*"}]}'


def main() -> None:
    """Measure both queues and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=int, nargs="?", default=500, help="images of owner A in each queue")
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory() as folder:
        parameters = {"NamePrefix": f"bench-{secrets.token_hex(4)}", "ApiAuth": "iam"}
        stack = local_stack.up(Path(folder), "embedded", parameters, environment={"AUTH": "true"})
        try:
            with connect(stack, "ann") as ann, connect(stack, "bob") as bob:
                for queue in QUEUES:  # start the functions
                    wait_for(bob, send(bob, queue, GUESTS))
                rows = [measure(stack, ann, bob, queue, images) for queue in QUEUES]
        finally:
            local_stack.down(Path(folder), wipe=True)
    print(f"| Queue | B alone, p50 / p99 | B behind {images:,} images of A, p50 / p99 | Ratio of p99 |")
    print("| --- | --- | --- | --- |")
    for queue, alone, behind in zip(QUEUES, *zip(*rows, strict=True), strict=True):
        print(f"| {queue} | {format_times(alone)} | {format_times(behind)} | {behind[-1] / alone[-1]:.1f} |")


def measure(stack: Stack, ann: httpx.Client, bob: httpx.Client, queue: str, images: int) -> tuple[list[float], ...]:
    """Return the sorted seconds of B's images, alone and behind those of A."""
    alone = wait_for(bob, send(bob, queue, GUESTS))
    with disabled_mapping(stack, queue):
        backlog = send(ann, queue, images)
        guests = send(bob, queue, GUESTS)
    behind = wait_for(bob, guests)
    wait_for(ann, backlog[-1:])
    return alone, behind


def connect(stack: Stack, name: str) -> httpx.Client:
    """Create an IAM user and return a client that signs requests as this user."""
    iam = local_session(stack.endpoint_url).client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=_POLICY)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    auth = SignatureV4(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]), LOCAL_REGION)
    return httpx.Client(base_url=stack.api_url + "/", auth=auth, timeout=120, trust_env=False)


@contextmanager
def disabled_mapping(stack: Stack, queue: str) -> Iterator[None]:
    """Disable the event source mapping of a queue in this context."""
    client = local_session(stack.endpoint_url).client("lambda")
    suffix = {"interactive": "-jobs", "bulk": "-bulk"}[queue]
    mappings = client.list_event_source_mappings(FunctionName=stack.functions["worker"])["EventSourceMappings"]
    (found,) = [each["UUID"] for each in mappings if each["EventSourceArn"].endswith(suffix)]
    client.update_event_source_mapping(UUID=found, Enabled=False)
    yield
    client.update_event_source_mapping(UUID=found, Enabled=True)


def send(http: httpx.Client, queue: str, count: int) -> list[str]:
    """Send images to a queue and return the IDs of their jobs."""
    if queue == "interactive":
        with ThreadPoolExecutor(CLIENTS) as threads:
            return list(threads.map(lambda _: post(http, "jobs", content=MEMBER.read_bytes())["id"], range(count)))
    jobs: list[dict[str, Any]] = []
    for start in range(0, count, 100):
        items = [{"content_type": "image/png"}] * min(100, count - start)
        jobs += [item["job"] | {"upload": item["upload"]} for item in post(http, "batches", {"items": items})["items"]]
    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(upload_member, [job["upload"] for job in jobs]))
    return [job["id"] for job in jobs]


def post(http: httpx.Client, path: str, document: dict[str, Any] | None = None, content: bytes = b"") -> dict[str, Any]:
    """Post a JSON document or an image, and return the response."""
    if document is not None:
        response = http.post(path, json=document)
    else:
        response = http.post(path, content=content, headers={"Content-Type": "image/png"})
    found: dict[str, Any] = response.raise_for_status().json()
    return found


def wait_for(http: httpx.Client, jobs: list[str]) -> list[float]:
    """Wait until the jobs have ended. Return the sorted seconds from their acceptance to their end."""
    times = []
    for job in jobs:
        while not (found := http.get(f"jobs/{job}").raise_for_status().json())["done"]:
            time.sleep(0.2)
        times.append(
            (datetime.fromisoformat(found["timestamp"]) - datetime.fromisoformat(found["uploaded_at"])).total_seconds()
        )
    return sorted(times)


def format_times(times: list[float]) -> str:
    """Return the median and the 99th percentile of sorted times as text."""
    return f"{times[len(times) // 2]:.1f} s / {times[int(0.99 * len(times))]:.1f} s"


if __name__ == "__main__":
    main()
