"""Send uploads from many callers at once to a stack that has just started, and count the answers.

``python benchmarks/cold_callers.py`` uses the embedded engine. No API process is warm at the start. Each caller sends
one ``POST /v1/jobs`` after another and waits as long as ``Retry-After`` says. The script fails if a request gets no
answer, an answer other than 202, or 429 or 503 without ``Retry-After``, or if the engine and its functions need more
memory than the limit. Memory is the sum of the proportional set sizes (PSS) of all processes, where Linux reports them.
"""

import argparse
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from infra import local_stack
from infra.engines import embedded
from infra.engines.record import EnginePaths, EngineRecord
from infra.stack import Stack

IMAGE = Path(__file__).parents[1] / "safelight" / "demo_images" / "clock-small.png"
#: Longer than the gateway may take.
TIMEOUT_SECONDS = 30.0
MAX_MEMORY_MIB = 1536
REFUSALS = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})


def main() -> None:
    """Run the callers and print the counts, latencies and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("callers", type=int, nargs="?", default=64, help="number of concurrent callers")
    parser.add_argument("seconds", type=float, nargs="?", default=60.0, help="how long they send")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        stack = start_cold(state)
        memory = MemoryMeter(state)
        try:
            answers, latencies = run_callers(stack, arguments.callers, arguments.seconds)
        finally:
            peak, most = memory.stop()
            local_stack.down(state, wipe=True)
    for answer, count in sorted(answers.items()):
        print(f"{answer:<32}{count:>8,}")
    print(f"Accepted per second             {answers['202'] / arguments.seconds:>8.1f}")
    print(f"Latency: median {statistics.median(latencies):.2f} s, longest {max(latencies):.2f} s")
    print(f"Peak memory {peak:,.0f} MiB in {most} processes")
    unexpected = set(answers) - {"202", "429", "503"}
    sys.exit(1 if unexpected or peak > MAX_MEMORY_MIB else 0)


def start_cold(state: Path) -> Stack:
    """Start a stack, and then its engine again, so that no function has a process."""
    name = {"NamePrefix": f"bench-{secrets.token_hex(4)}"}
    stack = local_stack.up(state, "embedded", name)
    local_stack.down(state)
    # Not ``up``, which would start a process to check the API.
    embedded.start(state)
    return stack


def run_callers(stack: Stack, callers: int, seconds: float) -> tuple[Counter[str], list[float]]:
    """Return the number of each answer, and the latencies in seconds."""
    answers: Counter[str] = Counter()
    latencies: list[float] = []
    image, deadline = IMAGE.read_bytes(), time.monotonic() + seconds
    together = threading.Barrier(callers)

    def call(_: int) -> None:
        headers = {"Content-Type": "image/png"}
        with httpx.Client(base_url=stack.api_url + "/", timeout=TIMEOUT_SECONDS, trust_env=False) as http:
            together.wait()
            while time.monotonic() < deadline:
                started = time.monotonic()
                try:
                    response = http.post("jobs", content=image, headers=headers)
                except httpx.HTTPError as error:
                    answers[type(error).__name__] += 1
                    continue
                latencies.append(time.monotonic() - started)
                answers[name_answer(response)] += 1
                if response.status_code in REFUSALS:
                    time.sleep(float(response.headers.get("Retry-After", "0")))

    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(call, range(callers)))
    return answers, latencies


def name_answer(response: httpx.Response) -> str:
    """Return the status, and what is wrong with the answer if anything is."""
    status = str(response.status_code)
    is_wrong = response.status_code in REFUSALS and not response.headers.get("Retry-After", "").isdigit()
    return f"{status} without Retry-After" if is_wrong else status


class MemoryMeter:
    """Measures the memory of an engine and its functions once a second, in a thread."""

    def __init__(self, state: Path) -> None:
        """Start to measure."""
        record = EngineRecord.read(EnginePaths.below(state).record)
        self._engine = psutil.Process(record.pid if record else None)
        self._stopping = threading.Event()
        self._peak, self._most = 0.0, 0
        self._thread = threading.Thread(target=self._measure_regularly)
        self._thread.start()

    def stop(self) -> tuple[float, int]:
        """Return the peak in MiB, and the largest number of processes."""
        self._stopping.set()
        self._thread.join()
        return self._peak, self._most

    def _measure_regularly(self) -> None:
        while not self._stopping.wait(1):
            family = [self._engine, *self._engine.children(recursive=True)]
            self._most = max(self._most, len(family))
            self._peak = max(self._peak, sum(map(read_memory, family)) / 2**20)


def read_memory(process: psutil.Process) -> int:
    """Return the memory of a process in bytes, 0 if it has ended."""
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(found, "pss", found.rss))


if __name__ == "__main__":
    main()
