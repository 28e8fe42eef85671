"""Measure how well transfers overlap with rendering, and the overhead of the sandbox.

``python benchmarks/overlap.py [FOLDER]`` sends a batch of ten records through the worker's real handler. Its stores are
fakes with a latency of 40 ms per call. The photographs come from the folder, by default the demo images. Absolute times
depend on the machine; compare the ratios.
"""

import argparse
import hashlib
import io
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil

import worker.app
from shared.clock import utc_now
from shared.ids import new_id
from shared.jobs.job import Job, JobStatus, RawImage
from shared.jobs.job_spec import JobSpec
from shared.jobs.message import JobMessage
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from worker.image_processor import ImageProcessor
from worker.imaging import Limits, render
from worker.memory_budget import MemoryBudget
from worker.sandbox.budget import Budget
from worker.sandbox.pool import Sandbox

DEMO_IMAGES = Path(__file__).parents[1] / "safelight" / "demo_images"
LATENCY_SECONDS = 0.040
RECORDS = 10
ROUNDS = 5
LIMITS = Limits(max_bytes=100 * 1024 * 1024, max_pixels=50_000_000, max_side=16_384)
BUDGET = Budget.of(LIMITS, memory_mib=2048, children=1, cpu_seconds=15)


def main() -> None:
    """Print all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DEMO_IMAGES, help="folder with JPEG files")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="repetitions of each measurement")
    arguments = parser.parse_args()
    images = read_photographs(arguments.folder)
    print_sandbox_overhead(images, arguments.rounds)
    print_child_start(arguments.rounds)
    print_overlap(images, arguments.rounds)


def read_photographs(folder: Path) -> list[bytes]:
    """Return ten photographs of a folder, with repetitions if it has fewer."""
    photographs = [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix.lower() in {".jpg", ".jpeg"}]
    if not photographs:
        sys.exit(f"There are no JPEG files in {folder}.")
    return [photographs[index % len(photographs)] for index in range(RECORDS)]


@contextmanager
def open_sandbox(children: int = 1) -> Iterator[Sandbox]:
    """Yield a sandbox whose children have started."""
    sandbox = Sandbox(BUDGET, children=children, environment={})
    slots = [sandbox._slots.get() for _ in range(children)]  # noqa: SLF001 - each child must start
    for _ in slots:
        sandbox._slots.put(None)  # noqa: SLF001
        sandbox.render((DEMO_IMAGES / "astronaut.jpg").read_bytes(), DEFAULT_PIPELINE, LIMITS)
    try:
        yield sandbox
    finally:
        sandbox.close()


def print_sandbox_overhead(images: Sequence[bytes], rounds: int) -> None:
    """Print the time of a render in this process and in the sandbox."""
    direct, sandboxed = [], []
    with open_sandbox() as sandbox:
        for data in list(images) * rounds:
            direct.append(measure(partial(render, data, DEFAULT_PIPELINE, LIMITS)))
            sandboxed.append(measure(partial(sandbox.render, data, DEFAULT_PIPELINE, LIMITS)))
    overhead = statistics.median(after - before for before, after in zip(direct, sandboxed, strict=True))
    print(f"Default job, median of {len(direct)}: {1000 * statistics.median(direct):.1f} ms in process,"
          f" {1000 * statistics.median(sandboxed):.1f} ms in the sandbox; the overhead is {1000 * overhead:.1f} ms"
          f" ({100 * overhead / statistics.median(direct):.0f} %)")  # fmt: skip


def print_child_start(rounds: int) -> None:
    """Print the start time of a child, and the memory of this process and of the child."""
    durations = []
    for _ in range(rounds):
        started = time.perf_counter()
        sandbox = Sandbox(BUDGET, children=1, environment={})
        with suppress(Exception):  # any response comes from a child that is ready
            sandbox.render(b"", DEFAULT_PIPELINE, LIMITS)
        durations.append(time.perf_counter() - started)
        (child,) = psutil.Process().children()
        memory = child.memory_info().rss
        sandbox.close()
    own = psutil.Process().memory_info().rss
    print(f"A child is ready after {1000 * statistics.median(durations):.0f} ms and uses {memory / 2**20:.0f} MiB;"
          f" this process, with boto3, uses {own / 2**20:.0f} MiB")  # fmt: skip


def print_overlap(images: Sequence[bytes], rounds: int) -> None:
    """Print the elapsed time of a batch by concurrency, and the time of its renders alone."""
    transfers = 2 * LATENCY_SECONDS * RECORDS
    print(f"\n{RECORDS} records, {1000 * LATENCY_SECONDS:.0f} ms per call: {transfers:.2f} s of transfers.")
    print("children  lookahead   wall s   renders alone s   wall / max(renders, transfers)")
    for children, lookahead in [(1, 0), (1, 1), (1, 2), (1, 3), (1, 5), (1, 9), (2, 0), (2, 3)]:
        with open_sandbox(children) as sandbox:
            max_concurrency = children + lookahead
            times = [
                (measure_batch(images, sandbox, max_concurrency), measure_renders(images, sandbox, children))
                for _ in range(rounds)
            ]
        # One ratio per round, because the load of the machine changes between rounds.
        ratio = statistics.median(batch / max(renders, transfers) for batch, renders in times)
        batch, renders = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{children:8} {lookahead:10} {batch:8.2f} {renders:17.2f} {ratio:32.2f}")


def measure_renders(images: Sequence[bytes], sandbox: Sandbox, children: int) -> float:
    """Return the elapsed seconds of the renders of a batch, without the handler and stores."""
    with ThreadPoolExecutor(children) as threads:
        return measure(lambda: list(threads.map(lambda data: sandbox.render(data, DEFAULT_PIPELINE, LIMITS), images)))


def measure_batch(images: Sequence[bytes], sandbox: Sandbox, max_concurrency: int) -> float:
    """Return the elapsed seconds of a batch in the worker's handler."""
    stores = Stores({new_id(utc_now()): data for data in images})
    processor = ImageProcessor(
        jobs=cast("Any", stores),
        images=cast("Any", stores),
        sources=cast("Any", stores),
        urls=cast("Any", stores),
        assets=cast("Any", stores),
        limits=LIMITS,
        lease=timedelta(seconds=60),
        max_attempts=5,
        redispatch=timedelta(seconds=60),
        clock=utc_now,
        render=sandbox.render,
        memory=MemoryBudget(400 * 1024 * 1024),
    )
    consumer = worker.app.JobConsumer(
        processor=processor,
        queues={},
        bulk_queue="bulk",
        sandbox=sandbox,
        max_concurrency=max_concurrency,
        record_time=timedelta(seconds=20),
        render_time=timedelta(seconds=15),
    )
    worker.app.get_consumer = lambda: consumer  # type: ignore[assignment] # has no cache to clear
    worker.app.logger.setLevel("CRITICAL")
    started = time.perf_counter()
    with redirect_stdout(io.StringIO()):  # the metrics
        response = worker.app.handler(stores.create_event(), cast("Any", Context()))
    duration = time.perf_counter() - started
    assert response == {"batchItemFailures": []}  # noqa: S101 - otherwise the result is invalid
    return duration


@dataclass
class Stores:
    """Fake table and bucket by job ID. Calls of the bucket have latency."""

    raw: Mapping[str, bytes]

    def claim(self, message: JobMessage, **_: object) -> Job:
        """Claim a job."""
        data = self.raw[message.job_id]
        image = RawImage(key=message.job_id, size=len(data), format="JPEG", digest=hashlib.sha256(data).hexdigest())
        job = Job.new(
            JobSpec(DEFAULT_PIPELINE),
            job_id=message.job_id,
            filename="a.jpg",
            raw=image,
            owner="benchmark",
            now=utc_now(),
            due_after=timedelta(minutes=15),
            retention=timedelta(days=1),
        )
        return replace(job, status=JobStatus.PROCESSING, attempt=1)

    def commit(self, _: Job) -> bool:
        """Accept every final state."""
        return True

    def get_raw(self, raw: RawImage, *, max_bytes: int) -> bytes:  # noqa: ARG002 - the signature of the store
        """Return a raw image after the latency."""
        time.sleep(LATENCY_SECONDS)
        return self.raw[raw.key]

    def put_processed(self, *_: object) -> None:
        """Accept an output after the latency."""
        time.sleep(LATENCY_SECONDS)

    def create_event(self) -> dict[str, Any]:
        """Return an SQS event with all records."""
        attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": str(int(time.time() * 1000))}
        return {
            "Records": [
                {
                    "messageId": job_id,
                    "receiptHandle": job_id,
                    "body": JobMessage(job_id=job_id, generation=1).encode(),
                    "attributes": attributes,
                    "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs",
                }
                for job_id in self.raw
            ],
        }


class Context(SimpleNamespace):
    """The attributes of a Lambda context that Powertools reads."""

    function_name = "benchmark"
    memory_limit_in_mb = 2048
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:benchmark"
    aws_request_id = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Return one minute."""
        return 60_000


def measure(action: Callable[[], object]) -> float:
    """Return the elapsed seconds of an action."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
