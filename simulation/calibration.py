"""Prints a run of the embedded engine beside its simulation.

``python simulation/calibration.py [--pictures 200] [--folder PHOTOS] [--json FILE]``. First the single steps are
measured, on other images than the run has: a request while nothing takes from the queue, a delivery of ten, a
delivery of one. Then come two runs, and the simulation of each from those steps alone; nothing is fitted to what a run
took.
``--json`` keeps the steps for ``python -m simulation``. Others who use the machine meanwhile take cores from both; how
much they took is measured and told.
"""

import argparse
import json
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from ingest import BUNDLED, LIMITS, make_photos
from PIL import Image

from infra import local_stack
from infra.engines.record import EngineRecord
from infra.sessions import local_session
from infra.stack import Stack
from shared.errors import ImageError
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from simulation.embedded import Engine, Place, Steps
from worker.imaging import render

CALLERS = 4
#: What the body of a request may hold.
MAX_BYTES = 4_620_288
WARM = 10
#: Images on which steps are measured.
PROBES = 40
SINGLES = 20
#: Between single images: long enough for each to be a delivery of its own, seconds.
PAUSE = 1.0
WORKERS = 2
BATCH = 10


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds by part, and of everybody on this machine."""

    client: float
    engine: float
    api: float
    worker: float
    child: float
    all: float
    wall: float

    def __sub__(self, other: "Used") -> "Used":
        return Used(*(mine - its for mine, its in zip(_values(self), _values(other), strict=True)))

    @property
    def ours(self) -> float:
        """Return what all our parts used."""
        return self.client + self.engine + self.api + self.worker + self.child

    @property
    def others(self) -> float:
        """Return how many cores others used."""
        return max(0.0, self.all - self.ours) / self.wall


def main() -> None:
    """Measure the steps, do the runs, simulate them, print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=200, help="of each run")
    parser.add_argument("--folder", type=Path, default=BUNDLED, help="where photographs are")
    parser.add_argument("--json", type=Path, help="file for the steps")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safelight-scale-") as name:
        folder = Path(name)
        photos = choose(asked.folder, folder / "photos", WARM + PROBES + SINGLES + 2 * asked.pictures)
        state = folder / "state"
        stack = local_stack.up(state, "embedded", {"NamePrefix": f"bench-{secrets.token_hex(4)}"})
        try:
            bench = Bench(stack, state)
            steps = bench.steps(photos)
            rest = photos[WARM + PROBES + SINGLES :]
            posted = bench.posted(rest[: asked.pictures])
            drained = bench.drained(rest[asked.pictures :])
        finally:
            local_stack.down(state, wipe=True)
    print(f"Steps, milliseconds of processor time: {told(steps)}")
    cores = os.cpu_count() or 1
    for what, (took, used) in (("posted by four callers", posted), ("all waiting in the queue", drained)):
        others = min(used.others, cores - 0.2)
        engine = Engine(steps, Place(cores=cores, others=others, workers=WORKERS, batch_size=BATCH), seed=1)
        simulated = engine.post(asked.pictures, CALLERS) if used is posted[1] else engine.drain(asked.pictures)
        print(
            f"{asked.pictures} photographs, {what}: measured {took:.1f} s, simulated {simulated:.1f} s,"
            f" ratio {simulated / took:.2f}; processor time measured {used.ours:.1f} s, simulated"
            f" {engine.machine.busy:.1f} s; others took {others:.2f} of {cores} cores"
        )
    if asked.json:
        kept: dict[str, Any] = {"measured_on": f"{datetime.now(UTC):%F}", "refuse": rounded(refusal())}
        kept |= {name: rounded(value) for name, value in asdict(steps).items()}
        asked.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def choose(source: Path, made: Path, needed: int) -> list[Path]:
    """Return so many photographs that fit into a request: those of a folder, or more made of them."""
    photos = [photo for photo in sorted(source.rglob("*.jpg")) if photo.stat().st_size <= MAX_BYTES]
    if len(photos) < needed:
        make_photos(source, made, needed * 4 // 3)
        photos = [photo for photo in sorted(made.iterdir()) if photo.stat().st_size <= MAX_BYTES]
    return photos[:needed]


class Bench:
    """One engine, its parts and what they use."""

    def __init__(self, stack: Stack, state: Path) -> None:
        """Find the parts."""
        self._stack = stack
        self._state = state
        session = local_session(stack.endpoint_url)
        self._lambda, self._sqs, self._table = (session.client(name) for name in ("lambda", "sqs", "dynamodb"))
        self._http = httpx.Client(base_url=stack.api_url + "/", timeout=120, trust_env=False)

    def steps(self, photos: Sequence[Path]) -> Steps:
        """Measure each step by itself."""
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(self._send, photos[:WARM]))
        self._settle()
        idle = self._used()
        time.sleep(3)
        idle = self._used() - idle
        with self._closed():
            before = self._used()
            for photo in photos[WARM : WARM + PROBES]:
                self._send(photo)
            post = self._used() - before
        before = self._used()
        # The mapping was opened a moment ago: what is left is the work on full batches.
        self._settle()
        tens = self._used() - before
        before = self._used()
        for photo in photos[WARM + PROBES : WARM + PROBES + SINGLES]:
            self._send(photo)
            time.sleep(PAUSE)
        self._settle()
        single = self._used() - before
        return solved(idle, post, tens, single, [rendering(photo) for photo in photos[WARM : WARM + PROBES]])

    def posted(self, photos: Sequence[Path]) -> tuple[float, Used]:
        """Send images while they are worked on; return what it took until the last was done, and who used what."""
        before, began = self._used(), time.time()
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(self._send, photos))
        return self._ended(began, before)

    def drained(self, photos: Sequence[Path]) -> tuple[float, Used]:
        """Let images wait until all are there; return what it took from then on, and who used what."""
        with self._closed(), ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(self._send, photos))
            before = self._used()
        return self._ended(time.time(), before)

    def _ended(self, began: float, before: Used) -> tuple[float, Used]:
        self._settle()
        return self._last_end() - began, self._used() - before

    def _send(self, photo: Path) -> None:
        self._http.post("jobs", content=photo.read_bytes(), headers={"Content-Type": "image/jpeg"}).raise_for_status()

    def _settle(self) -> None:
        """Wait until nothing is in the queue nor in flight."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while True:
            counts = self._sqs.get_queue_attributes(QueueUrl=self._stack.queue_url, AttributeNames=names)["Attributes"]
            if not any(int(count) for count in counts.values()):
                return
            time.sleep(0.25)

    def _last_end(self) -> float:
        """Return when the last job was completed. Every job must be."""
        pages = self._table.get_paginator("scan").paginate(TableName=self._stack.table)
        jobs = [item for page in pages for item in page["Items"]]
        if any(job["Status"]["S"] != "COMPLETED" for job in jobs):
            raise SystemExit("Some job was not completed.")
        return max(datetime.fromisoformat(str(job["Timestamp"]["S"])).timestamp() for job in jobs)

    @contextmanager
    def _closed(self) -> Iterator[None]:
        """Keep the interactive lane shut meanwhile."""
        mappings = self._lambda.list_event_source_mappings(FunctionName=self._stack.functions["worker"])
        (lane,) = [each["UUID"] for each in mappings["EventSourceMappings"] if each["EventSourceArn"].endswith("-jobs")]
        self._lambda.update_event_source_mapping(UUID=lane, Enabled=False)
        time.sleep(1.5)  # the engine looks at its mappings once a second
        yield
        self._lambda.update_event_source_mapping(UUID=lane, Enabled=True)

    def _used(self) -> Used:
        """Look at the clocks of every process."""
        record = EngineRecord.read(self._state / "engine.json")
        if record is None:
            raise SystemExit("The engine is gone.")
        engine = psutil.Process(record.pid)
        parts = {"api": 0.0, "worker": 0.0, "child": 0.0}
        for process in engine.children(recursive=True):
            times, command = process.cpu_times(), " ".join(process.cmdline())
            part = "child" if "worker.sandbox" in command else "worker" if "-worker-" in command else "api"
            parts[part] += times.user + times.system
            # Of children that are gone: after a hundred images, a worker takes a new one.
            parts["child"] += times.children_user + times.children_system
        whole = psutil.cpu_times()
        return Used(
            client=sum(psutil.Process().cpu_times()[:2]),
            engine=sum(engine.cpu_times()[:2]),
            **parts,
            all=sum(whole) - whole.idle - whole.iowait - whole.guest - whole.guest_nice,
            wall=time.monotonic(),
        )


def solved(idle: Used, post: Used, tens: Used, single: Used, pixels: list[float]) -> Steps:
    """Divide what was used among requests, records and deliveries; the engine's idle time belongs to none."""
    rest = idle.engine / idle.wall

    def each(used: Used, part: str, count: int) -> float:
        value = getattr(used, part) - (rest * used.wall if part == "engine" else 0)
        return max(0.0, float(value)) / count

    def split(part: str, sent: float) -> tuple[float, float]:
        """Return what a record and what a delivery takes: ten records have one delivery, or each its own."""
        ten, one = each(tens, part, PROBES), each(single, part, SINGLES) - sent
        delivery = max(0.0, (one - ten) / (1 - 1 / BATCH))
        return max(0.0, ten - delivery / BATCH), delivery

    post_engine = each(post, "engine", PROBES)
    record_engine, delivery_engine = split("engine", post_engine)
    record_worker, delivery_worker = split("worker", 0)
    child = (tens.child + single.child) / (PROBES + SINGLES)
    factor = child / statistics.mean(pixels)
    return Steps(
        post_client=each(post, "client", PROBES),
        post_engine=post_engine,
        post_api=each(post, "api", PROBES),
        record_engine=record_engine,
        record_worker=record_worker,
        delivery_engine=delivery_engine,
        delivery_worker=delivery_worker,
        render=[seconds * factor for seconds in pixels],
    )


def rendering(photo: Path) -> float:
    """Return the processor seconds of the pixel code for one image."""
    data = photo.read_bytes()
    began = time.process_time()
    render(data, DEFAULT_PIPELINE, LIMITS)
    return time.process_time() - began


def refusal() -> float:
    """Return the processor seconds for half an image, the least of five."""
    data = (BUNDLED / "astronaut.jpg").read_bytes()
    times = []
    for _ in range(5):
        began = time.process_time()
        try:
            render(data[: len(data) // 2], DEFAULT_PIPELINE, LIMITS)
        except ImageError:
            times.append(time.process_time() - began)
    return min(times)


def told(steps: Steps) -> str:
    """Write the steps."""
    single = {name: value for name, value in asdict(steps).items() if name != "render"}
    single["render"] = statistics.mean(steps.render)
    return ", ".join(f"{name} {1000 * value:.1f}" for name, value in single.items())


def rounded(value: float | list[float]) -> float | list[float]:
    """Round seconds to a hundredth of a millisecond."""
    return [round(each, 5) for each in value] if isinstance(value, list) else round(value, 5)


def _values(used: Used) -> tuple[float, ...]:
    return used.client, used.engine, used.api, used.worker, used.child, used.all, used.wall


if __name__ == "__main__":
    Image.init()
    main()
