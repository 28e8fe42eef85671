"""Prints what a start and a request cost: import time of each function, time of each request on the engine.

Run it with ``make bench``. Absolute times belong to the machine; the ratios to a bare ``import boto3``
and to the health request, taken in the same run, are what can be compared.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from infra import local

PICTURE = Path(__file__).parents[1] / "safelight" / "demo_images" / "astronaut.jpg"
ROUNDS = 7
REQUESTS = 40
MODULES = ("boto3", "api.app", "worker.app", "worker.dead_letters")


def main() -> None:
    """Measure and print both tables."""
    print_imports()
    with tempfile.TemporaryDirectory() as folder:
        stack = local.up(Path(folder))
        try:
            print_requests(stack.api_url)
        finally:
            local.down(Path(folder), wipe=True)


def print_imports() -> None:
    """Print the import time of each function in a fresh interpreter, less the interpreter's own start."""
    empty = milliseconds(lambda: run("pass"))
    print(f"Import in a fresh interpreter, median of {ROUNDS}")
    bare = 0.0
    for module in MODULES:
        took = milliseconds(lambda module=module: run(f"import {module}")) - empty  # type: ignore[misc] # bound now
        bare = bare or took
        print(f"  {module:22} {took:6.0f} ms   {took / bare:4.1f} × boto3")


def run(code: str) -> None:
    """Run some code in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", code], check=True)


def milliseconds(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median time of an action, after one run that does not count."""
    action()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def print_requests(api_url: str) -> None:
    """Print the time of each request by one warm caller."""
    picture = PICTURE.read_bytes()
    headers = {"Content-Type": "image/jpeg"}
    with httpx.Client(base_url=api_url + "/", trust_env=False, timeout=60) as client:
        done = client.post("jobs", content=picture, headers=headers | {"Prefer": "wait=20"}).raise_for_status().json()
        requests: dict[str, Callable[[], object]] = {
            "GET health": lambda: client.get("health").raise_for_status(),
            "POST jobs": lambda: client.post("jobs", content=picture, headers=headers).raise_for_status(),
            "POST jobs, wait": lambda: client.post(
                "jobs", content=picture, headers=headers | {"Prefer": "wait=20"}
            ).raise_for_status(),
            "GET job": lambda: client.get(f"jobs/{done['id']}").raise_for_status(),
            "GET result": lambda: client.get(f"jobs/{done['id']}/result", params={"redirect": "false"}),
            "GET jobs": lambda: client.get("jobs").raise_for_status(),
        }
        print(f"\nRequest on the embedded engine, one warm caller, median of {REQUESTS}")
        bare = 0.0
        for name, action in requests.items():
            took = milliseconds(action, REQUESTS)
            bare = bare or took
            print(f"  {name:22} {took:6.1f} ms   {took / bare:4.1f} × health")


if __name__ == "__main__":
    main()
