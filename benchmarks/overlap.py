"""Prints how well transfers overlap with pixels, and what the sandbox costs a record.

A delivery of ten records goes through the worker's real handler; the stores behind it are stand-ins that answer
40 ms late each way, so that only our own overlap is measured. ``python benchmarks/overlap.py [FOLDER]`` takes
photographs from a folder, by default the bundled ones. Absolute times belong to the machine; the ratios can be
compared.
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
from worker.sandbox import Budget, Sandbox

LATENCY_SECONDS = 0.040
RECORDS = 10
ROUNDS = 5
LIMITS = Limits(max_bytes=100 * 1024 * 1024, max_pixels=50_000_000, max_side=16_384)
BUDGET = Budget.of(LIMITS, memory_mib=2048, children=1, seconds=15)


def main(folder: Path) -> None:
    """Measure and print all tables."""
    pictures = photographs(folder)
    print_cost_of_a_record(pictures)
    print_starts()
    print_overlap(pictures)


def photographs(folder: Path) -> list[bytes]:
    """Return ten photographs of a folder, again from the first when it has fewer."""
    found = [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix.lower() in {".jpg", ".jpeg"}]
    if not found:
        sys.exit(f"There are no JPEG files in {folder}.")
    return [found[at % len(found)] for at in range(RECORDS)]


@contextmanager
def sandbox(children: int = 1) -> Iterator[Sandbox]:
    """Lend a sandbox whose children are ready."""
    made = Sandbox(BUDGET, children=children, environment={})
    places = [made._places.get() for _ in range(children)]  # noqa: SLF001 - each child must work once
    for _ in places:
        made._places.put(None)  # noqa: SLF001
        made.render(
            (Path(__file__).parents[1] / "safelight/demo_images/astronaut.jpg").read_bytes(), DEFAULT_PIPELINE, LIMITS
        )
    try:
        yield made
    finally:
        made.close()


def print_cost_of_a_record(pictures: Sequence[bytes]) -> None:
    """Print a render here and one in the sandbox, turn by turn."""
    here, there = [], []
    with sandbox() as boxed:
        for data in list(pictures) * ROUNDS:
            here.append(seconds(partial(render, data, DEFAULT_PIPELINE, LIMITS)))
            there.append(seconds(partial(boxed.render, data, DEFAULT_PIPELINE, LIMITS)))
    cost = statistics.median(b - a for a, b in zip(here, there, strict=True))
    print(f"Default job, median of {len(here)}: {1000 * statistics.median(here):.1f} ms in process,"
          f" {1000 * statistics.median(there):.1f} ms in the sandbox; the sandbox costs {1000 * cost:.1f} ms"
          f" ({100 * cost / statistics.median(here):.0f} %)")  # fmt: skip


def print_starts() -> None:
    """Print how long a child takes to be ready, and how much memory parent and child hold then."""
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        boxed = Sandbox(BUDGET, children=1, environment={})
        with suppress(Exception):  # any answer will do: it comes from a child that is ready
            boxed.render(b"", DEFAULT_PIPELINE, LIMITS)
        took.append(time.perf_counter() - started)
        (child,) = psutil.Process().children()
        held = child.memory_info().rss
        boxed.close()
    own = psutil.Process().memory_info().rss
    print(f"A child is ready after {1000 * statistics.median(took):.0f} ms and holds {held / 2**20:.0f} MiB;"
          f" this process, with boto3, holds {own / 2**20:.0f} MiB")  # fmt: skip


def print_overlap(pictures: Sequence[bytes]) -> None:
    """Print the wall time of a delivery for several numbers of records under way, beside that of its parts."""
    transfers = 2 * LATENCY_SECONDS * RECORDS
    print(f"\n{RECORDS} records, {1000 * LATENCY_SECONDS:.0f} ms each way: {transfers:.2f} s of transfers.")
    print("children  ahead   wall s   pixels alone s   wall / max(pixels, transfers)")
    for children, lookahead in [(1, 0), (1, 1), (1, 2), (1, 3), (1, 5), (1, 9), (2, 0), (2, 3)]:
        with sandbox(children) as boxed:
            max_concurrency = children + lookahead
            rounds = [(wall(pictures, boxed, max_concurrency), alone(pictures, boxed, children)) for _ in range(ROUNDS)]
        # Round by round, so that both halves of a ratio met the machine in the same mood.
        ratio = statistics.median(took / max(pixels, transfers) for took, pixels in rounds)
        took, pixels = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{children:8} {lookahead:6} {took:8.2f} {pixels:16.2f} {ratio:31.2f}")


def alone(pictures: Sequence[bytes], boxed: Sandbox, children: int) -> float:
    """Return the wall time of the pixels of a delivery, without stores or records."""
    with ThreadPoolExecutor(children) as threads:
        return seconds(lambda: list(threads.map(lambda data: boxed.render(data, DEFAULT_PIPELINE, LIMITS), pictures)))


def wall(pictures: Sequence[bytes], boxed: Sandbox, max_concurrency: int) -> float:
    """Return the wall time of a delivery through the worker's handler."""
    stores = Stores({new_id(utc_now()): data for data in pictures})
    processor = ImageProcessor(
        jobs=cast("Any", stores),
        images=cast("Any", stores),
        sources=cast("Any", stores),
        assets=cast("Any", stores),
        limits=LIMITS,
        lease=timedelta(seconds=60),
        redispatch=timedelta(seconds=60),
        clock=utc_now,
        render=boxed.render,
        memory=MemoryBudget(400 * 1024 * 1024),
    )
    consumer = worker.app.JobConsumer(
        processor=processor,
        queues={},
        bulk_queue="bulk",
        sandbox=boxed,
        max_concurrency=max_concurrency,
        record_time=timedelta(seconds=20),
        render_time=timedelta(seconds=15),
    )
    worker.app.get_consumer = lambda: consumer  # type: ignore[assignment] # has no cache to clear
    worker.app.logger.setLevel("CRITICAL")
    started = time.perf_counter()
    with redirect_stdout(io.StringIO()):  # the metrics
        answer = worker.app.handler(stores.delivery(), cast("Any", Context()))
    took = time.perf_counter() - started
    assert answer == {"batchItemFailures": []}  # noqa: S101 - or nothing was measured
    return took


@dataclass
class Stores:
    """Table and bucket in one, by job ID; the bucket answers late."""

    raw: Mapping[str, bytes]

    def claim(self, message: JobMessage, **_: object) -> Job:
        """Hand out a job at once."""
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
        """Accept every end."""
        return True

    def get_raw(self, raw: RawImage, *, max_bytes: int) -> bytes:  # noqa: ARG002 - the store's shape
        """Return a raw image, late."""
        time.sleep(LATENCY_SECONDS)
        return self.raw[raw.key]

    def put_processed(self, *_: object) -> None:
        """Take an output, late."""
        time.sleep(LATENCY_SECONDS)

    def delivery(self) -> dict[str, Any]:
        """Return one SQS event for all."""
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
    """What Powertools reads of a Lambda context."""

    function_name = "benchmark"
    memory_limit_in_mb = 2048
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:benchmark"
    aws_request_id = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Return a minute."""
        return 60_000


def seconds(action: Callable[[], object]) -> float:
    """Return the wall time of an action."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "safelight" / "demo_images")
    main(parser.parse_args().folder)
