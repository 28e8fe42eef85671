"""Compare runs on the embedded engine with simulations of these runs.

``python benchmarks/calibrate_simulation.py`` first measures the CPU time of single steps: a request without workers,
a delivery with ten records and a delivery with one record. It then makes two runs with other images and simulates both
from the times of the steps. No parameter is fitted to the duration of a run. ``--json`` writes the times of the steps
for ``python -m simulation``. The CPU time of other programs is measured during each run and included in its simulation.
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
from dataclasses import asdict, astuple, dataclass
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
from simulation.embedded_engine import EmbeddedEngine, Host, StepTimes
from worker.imaging import render

CLIENTS = 4
#: Largest body of a request in bytes.
MAX_BYTES = 4_620_288
WARM_UP = 10
#: Number of images with which each step is measured.
PROBES = 40
SINGLES = 20
#: Seconds between single images, so that each image is delivered in a separate invocation.
PAUSE = 1.0
WORKERS = 2
BATCH = 10


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """CPU time of each component and elapsed time, in seconds."""

    client: float
    engine: float
    api: float
    worker: float
    child: float
    #: CPU time of all programs on the machine.
    all: float
    wall: float

    def __sub__(self, other: "CpuTimes") -> "CpuTimes":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return CpuTimes(*(after - before for after, before in pairs))

    @property
    def own(self) -> float:
        """Return the CPU seconds of all Safelight components."""
        return self.client + self.engine + self.api + self.worker + self.child

    @property
    def other_load(self) -> float:
        """Return the number of cores that other programs used."""
        return max(0.0, self.all - self.own) / self.wall


def main() -> None:
    """Measure the steps, make both runs and simulate them, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200, help="images per run")
    parser.add_argument("--folder", type=Path, default=BUNDLED, help="folder with photographs")
    parser.add_argument("--json", type=Path, help="write the step times to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safelight-scale-") as name:
        folder = Path(name)
        probes = WARM_UP + PROBES + SINGLES
        photos = select_photos(arguments.folder, folder / "photos", probes + 2 * arguments.images)
        state = folder / "state"
        stack = local_stack.up(state, "embedded", {"NamePrefix": f"bench-{secrets.token_hex(4)}"})
        try:
            calibration = Calibration(stack, state)
            steps = calibration.measure_steps(photos)
            uploads = calibration.run_uploads(photos[probes : probes + arguments.images])
            backlog = calibration.run_backlog(photos[probes + arguments.images :])
        finally:
            local_stack.down(state, wipe=True)
    print(f"Steps, milliseconds of CPU time: {format_steps(steps)}")
    cores = os.cpu_count() or 1
    for title, (seconds, used) in (("uploaded by four clients", uploads), ("all in the queue at the start", backlog)):
        other_load = min(used.other_load, cores - 0.2)
        host = Host(cores=cores, other_load=other_load, max_concurrency=WORKERS, batch_size=BATCH)
        engine = EmbeddedEngine(steps, host, seed=1)
        is_upload = used is uploads[1]
        simulated = engine.run_uploads(arguments.images, CLIENTS) if is_upload else engine.run_backlog(arguments.images)
        print(
            f"{arguments.images} photographs, {title}: measured {seconds:.1f} s, simulated {simulated:.1f} s,"
            f" ratio {simulated / seconds:.2f}; CPU time measured {used.own:.1f} s, simulated"
            f" {engine.cpu.busy:.1f} s; other programs used {other_load:.2f} of {cores} cores"
        )
    if arguments.json:
        document: dict[str, Any] = {"measured_on": f"{datetime.now(UTC):%F}", "reject": round_times(measure_reject())}
        document |= {name: round_times(value) for name, value in asdict(steps).items()}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def select_photos(source: Path, target: Path, count: int) -> list[Path]:
    """Return photographs of a folder that are small enough for a request. Repeat them if the folder has too few."""
    photos = [photo for photo in sorted(source.rglob("*.jpg")) if photo.stat().st_size <= MAX_BYTES]
    if len(photos) < count:
        make_photos(source, target, count * 4 // 3)
        photos = [photo for photo in sorted(target.iterdir()) if photo.stat().st_size <= MAX_BYTES]
    return photos[:count]


class Calibration:
    """An engine, and the CPU time of its components."""

    def __init__(self, stack: Stack, state: Path) -> None:
        """Connect to the stack."""
        self._stack = stack
        self._state = state
        session = local_session(stack.endpoint_url)
        self._lambda, self._sqs, self._table = (session.client(name) for name in ("lambda", "sqs", "dynamodb"))
        self._http = httpx.Client(base_url=stack.api_url + "/", timeout=120, trust_env=False)

    def measure_steps(self, photos: Sequence[Path]) -> StepTimes:
        """Measure each step separately."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self._upload, photos[:WARM_UP]))
        self._wait_until_idle()
        idle = self._read_cpu_times()
        time.sleep(3)
        idle = self._read_cpu_times() - idle
        with self._disabled_mapping():
            before = self._read_cpu_times()
            for photo in photos[WARM_UP : WARM_UP + PROBES]:
                self._upload(photo)
            post = self._read_cpu_times() - before
        before = self._read_cpu_times()
        # The mapping is enabled after the upload, so only the time of full SQS batches is measured.
        self._wait_until_idle()
        tens = self._read_cpu_times() - before
        before = self._read_cpu_times()
        for photo in photos[WARM_UP + PROBES : WARM_UP + PROBES + SINGLES]:
            self._upload(photo)
            time.sleep(PAUSE)
        self._wait_until_idle()
        single = self._read_cpu_times() - before
        renders = [measure_render(photo) for photo in photos[WARM_UP : WARM_UP + PROBES]]
        return compute_step_times(idle, post, tens, single, renders)

    def run_uploads(self, photos: Sequence[Path]) -> tuple[float, CpuTimes]:
        """Upload images while workers run. Return the seconds until the last job completes, and the CPU times."""
        before, started = self._read_cpu_times(), time.time()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self._upload, photos))
        return self._finish(started, before)

    def run_backlog(self, photos: Sequence[Path]) -> tuple[float, CpuTimes]:
        """Start workers when all images are in the queue. The return value is that of ``run_uploads``."""
        with self._disabled_mapping(), ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self._upload, photos))
            before = self._read_cpu_times()
        return self._finish(time.time(), before)

    def _finish(self, started: float, before: CpuTimes) -> tuple[float, CpuTimes]:
        self._wait_until_idle()
        return self._read_last_completion() - started, self._read_cpu_times() - before

    def _upload(self, photo: Path) -> None:
        self._http.post("jobs", content=photo.read_bytes(), headers={"Content-Type": "image/jpeg"}).raise_for_status()

    def _wait_until_idle(self) -> None:
        """Wait until no message is in the queue or in flight."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while True:
            counts = self._sqs.get_queue_attributes(QueueUrl=self._stack.queue_url, AttributeNames=names)["Attributes"]
            if not any(int(count) for count in counts.values()):
                return
            time.sleep(0.25)

    def _read_last_completion(self) -> float:
        """Return the time when the last job completed. Exit with an error if a job did not complete."""
        pages = self._table.get_paginator("scan").paginate(TableName=self._stack.table)
        jobs = [item for page in pages for item in page["Items"]]
        if any(job["Status"]["S"] != "COMPLETED" for job in jobs):
            raise SystemExit("A job was not completed.")
        return max(datetime.fromisoformat(str(job["Timestamp"]["S"])).timestamp() for job in jobs)

    @contextmanager
    def _disabled_mapping(self) -> Iterator[None]:
        """Disable the event source mapping of the interactive queue."""
        mappings = self._lambda.list_event_source_mappings(FunctionName=self._stack.functions["worker"])
        (mapping_id,) = [
            each["UUID"] for each in mappings["EventSourceMappings"] if each["EventSourceArn"].endswith("-jobs")
        ]
        self._lambda.update_event_source_mapping(UUID=mapping_id, Enabled=False)
        time.sleep(1.5)  # The engine reads its mappings once a second.
        yield
        self._lambda.update_event_source_mapping(UUID=mapping_id, Enabled=True)

    def _read_cpu_times(self) -> CpuTimes:
        """Return the CPU time that all processes have used so far."""
        record = EngineRecord.read(self._state / "engine.json")
        if record is None:
            raise SystemExit("The engine is not running.")
        engine = psutil.Process(record.pid)
        components = {"api": 0.0, "worker": 0.0, "child": 0.0}
        for process in engine.children(recursive=True):
            times, command = process.cpu_times(), " ".join(process.cmdline())
            name = "child" if "worker.sandbox" in command else "worker" if "-worker-" in command else "api"
            components[name] += times.user + times.system
            # Include child processes that have exited, because a worker replaces its child after a hundred images.
            components["child"] += times.children_user + times.children_system
        machine = psutil.cpu_times()
        return CpuTimes(
            client=sum(psutil.Process().cpu_times()[:2]),
            engine=sum(engine.cpu_times()[:2]),
            **components,
            all=sum(machine) - machine.idle - machine.iowait - machine.guest - machine.guest_nice,
            wall=time.monotonic(),
        )


def compute_step_times(
    idle: CpuTimes, post: CpuTimes, tens: CpuTimes, single: CpuTimes, renders: list[float]
) -> StepTimes:
    """Return the CPU time of each request, record and delivery, without the time that the idle engine uses."""
    idle_load = idle.engine / idle.wall

    def per_item(used: CpuTimes, component: str, count: int) -> float:
        value = getattr(used, component) - (idle_load * used.wall if component == "engine" else 0)
        return max(0.0, float(value)) / count

    def split(component: str, post_seconds: float) -> tuple[float, float]:
        """Return the seconds of a record and of a delivery, computed from deliveries with ten and with one record."""
        ten, one = per_item(tens, component, PROBES), per_item(single, component, SINGLES) - post_seconds
        delivery = max(0.0, (one - ten) / (1 - 1 / BATCH))
        return max(0.0, ten - delivery / BATCH), delivery

    post_engine = per_item(post, "engine", PROBES)
    record_engine, delivery_engine = split("engine", post_engine)
    record_worker, delivery_worker = split("worker", 0)
    child = (tens.child + single.child) / (PROBES + SINGLES)
    factor = child / statistics.mean(renders)
    return StepTimes(
        post_client=per_item(post, "client", PROBES),
        post_engine=post_engine,
        post_api=per_item(post, "api", PROBES),
        record_engine=record_engine,
        record_worker=record_worker,
        delivery_engine=delivery_engine,
        delivery_worker=delivery_worker,
        render=[seconds * factor for seconds in renders],
    )


def measure_render(photo: Path) -> float:
    """Return the CPU seconds of the imaging code for one image."""
    data = photo.read_bytes()
    started = time.process_time()
    render(data, DEFAULT_PIPELINE, LIMITS)
    return time.process_time() - started


def measure_reject() -> float:
    """Return the CPU seconds to reject a truncated image. This is the minimum of five runs."""
    data = (BUNDLED / "astronaut.jpg").read_bytes()
    times = []
    for _ in range(5):
        started = time.process_time()
        try:
            render(data[: len(data) // 2], DEFAULT_PIPELINE, LIMITS)
        except ImageError:
            times.append(time.process_time() - started)
    return min(times)


def format_steps(steps: StepTimes) -> str:
    """Return the step times in milliseconds as text."""
    times = {name: value for name, value in asdict(steps).items() if name != "render"}
    times["render"] = statistics.mean(steps.render)
    return ", ".join(f"{name} {1000 * value:.1f}" for name, value in times.items())


def round_times(value: float | list[float]) -> float | list[float]:
    """Round seconds to a hundredth of a millisecond."""
    return [round(each, 5) for each in value] if isinstance(value, list) else round(value, 5)


if __name__ == "__main__":
    Image.init()
    main()
