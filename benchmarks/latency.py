"""Measure the import time of each Lambda function and the time of each request on the embedded engine.

Run it with ``make bench``. Absolute times depend on the machine, so compare the ratios to the time of ``import boto3``
and to the time of the health request.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from infra import local_stack

IMAGE = Path(__file__).parents[1] / "safelight" / "demo_images" / "astronaut.jpg"
ROUNDS = 7
REQUESTS = 40
MODULES = ("boto3", "api.app", "worker.app", "worker.dead_letters")


def main() -> None:
    """Print both tables."""
    print_imports()
    with tempfile.TemporaryDirectory() as folder:
        stack = local_stack.up(Path(folder))
        try:
            print_requests(stack.api_url)
        finally:
            local_stack.down(Path(folder), wipe=True)


def print_imports() -> None:
    """Print the import time of each function in a new interpreter, without the start of the interpreter."""
    empty = measure(lambda: run("pass"))
    print(f"Import in a new interpreter, median of {ROUNDS}")
    baseline = 0.0
    for module in MODULES:
        duration = measure(lambda module=module: run(f"import {module}")) - empty  # type: ignore[misc] # bound now
        baseline = baseline or duration
        print(f"  {module:22} {duration:6.0f} ms   {duration / baseline:4.1f} × boto3")


def run(code: str) -> None:
    """Run code in a new interpreter."""
    subprocess.run([sys.executable, "-c", code], check=True)


def measure(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median milliseconds of an action after one warm-up run."""
    action()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def print_requests(api_url: str) -> None:
    """Print the time of each type of request, sent by one client."""
    image = IMAGE.read_bytes()
    headers = {"Content-Type": "image/jpeg"}
    with httpx.Client(base_url=api_url + "/", trust_env=False, timeout=60) as client:
        done = client.post("jobs", content=image, headers=headers | {"Prefer": "wait=20"}).raise_for_status().json()
        requests: dict[str, Callable[[], object]] = {
            "GET health": lambda: client.get("health").raise_for_status(),
            "POST jobs": lambda: client.post("jobs", content=image, headers=headers).raise_for_status(),
            "POST jobs, wait": lambda: client.post(
                "jobs", content=image, headers=headers | {"Prefer": "wait=20"}
            ).raise_for_status(),
            "GET job": lambda: client.get(f"jobs/{done['id']}").raise_for_status(),
            "GET result": lambda: client.get(f"jobs/{done['id']}/result", params={"redirect": "false"}),
            "GET jobs": lambda: client.get("jobs").raise_for_status(),
        }
        print(f"\nRequest on the embedded engine, one client, median of {REQUESTS}")
        baseline = 0.0
        for name, action in requests.items():
            duration = measure(action, REQUESTS)
            baseline = baseline or duration
            print(f"  {name:22} {duration:6.1f} ms   {duration / baseline:4.1f} × health")


if __name__ == "__main__":
    main()
