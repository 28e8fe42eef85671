"""Measure rate, CPU time and memory of ``safelight ingest`` on the embedded engine.

``python benchmarks/ingest.py --small 1000 10000 --photos 500 --folder PHOTOS`` ingests each number of small images,
then the photographs of a folder, repeated with different comments. Without ``--folder``, it uses the bundled
photographs. It prints the rate of the whole ingest, the CPU time of each component and the client's peak memory. For
comparison, the imaging code alone then renders the same photographs on all cores. Absolute rates depend on the machine,
so compare the ratio of the rates, or the ratio of the CPU times if other programs use the machine. ``--json FILE`` also
writes the time of each record and step.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import service_times
from PIL import Image
from process_usage import Usage

from infra import local_stack
from infra.engines.record import EngineRecord
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from worker.imaging import Limits, render

LIMITS = Limits(max_bytes=100 * 1024 * 1024, max_pixels=50_000_000, max_side=16_384)
BUNDLED = Path(__file__).parents[1] / "safelight" / "demo_images"
SMALL = (160, 120)
CORES = os.cpu_count() or 1
#: Images that start all concurrent processes of each function.
WARM_UP = 100
#: Functions that run every minute. Their start takes as much CPU time as hundreds of images.
SCHEDULED = frozenset({"safelight-reconciler", "safelight-walker", "safelight-webhooks"})
SCHEDULE_SECONDS = 90
SEED = 11


@dataclass(frozen=True, slots=True)
class ComponentTimes:
    """CPU seconds of each component."""

    engine: float
    functions: float
    #: The child processes of the functions, which render images.
    renderers: float
    #: The functions by name, without their child processes.
    by_function: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Run:
    """The measurements of one ingest, from the start of the command to its end."""

    images: int
    client: Usage
    components: ComponentTimes
    #: The value of ``service_times.to_json``. Times are in seconds since the start of the command.
    times: dict[str, Any]

    @property
    def rate(self) -> float:
        """Return images per second."""
        return self.images / self.client.wall

    @property
    def cpu(self) -> float:
        """Return the CPU seconds of all components per image."""
        return (
            self.client.cpu + self.components.engine + self.components.functions + self.components.renderers
        ) / self.images

    @property
    def overhead(self) -> float:
        """Return the CPU seconds of the functions and the client per image, without rendering and the engine."""
        return (self.client.cpu + self.components.functions) / self.images


@dataclass(frozen=True, slots=True)
class RenderOnly:
    """The measurements of the imaging code alone, with one process per core."""

    #: Images per second.
    rate: float
    #: CPU seconds per image.
    cpu: float


def main() -> None:
    """Run and print the requested measurements."""
    arguments = read_arguments()
    document: dict[str, Any] = {"cores": CORES, "runs": []}
    with tempfile.TemporaryDirectory(prefix="safelight-ingest-") as name:
        folder = Path(name)
        print(f"{CORES} cores; rates in images per second, CPU time in milliseconds per image")
        for number in arguments.small:
            images = folder / f"small-{number}"
            make_small(images, number)
            run = measure_ingest(folder, images)
            print_run(f"{number:,} small images", run)
            document["runs"].append({"what": "small images", **asdict(run)})
        if arguments.photos:
            images = folder / "photos"
            make_photos(arguments.folder, images, arguments.photos)
            rendering = measure_rendering(images, folder / "bare")
            run = measure_ingest(folder, images)
            print_run(f"{arguments.photos:,} photographs", run)
            print(
                f"imaging code alone {rendering.rate:.1f}/s, {1000 * rendering.cpu:.1f} ms;"
                f" end to end {run.rate / rendering.rate:.2f} of that by elapsed time,"
                f" {rendering.cpu / run.cpu:.2f} by CPU time"
            )
            print(
                f"functions and client {1000 * run.overhead:.1f} ms,"
                f" {run.overhead / rendering.cpu:.2f} of the imaging code alone"
            )
            document["runs"].append({"what": "photographs", "bare": asdict(rendering), **asdict(run)})
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


def read_arguments() -> argparse.Namespace:
    """Return the command line arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, nargs="*", default=[1000], help="numbers of small images")
    parser.add_argument("--photos", type=int, default=100, help="number of photographs")
    parser.add_argument("--folder", type=Path, default=BUNDLED, help="folder with photographs")
    parser.add_argument("--json", type=Path, help="file for all measurements")
    return parser.parse_args()


def measure_ingest(folder: Path, images: Path) -> Run:
    """Ingest a folder on a new engine with warm functions and return the measurements."""
    state = folder / "state"
    stack = local_stack.up(state)
    try:
        warm_up = folder / "first"
        make_small(warm_up, WARM_UP)
        run_command(stack.api_url, warm_up, folder, "warm")
        wait_for_schedules(state)
        before = read_component_times(state)
        since = datetime.now(UTC)
        usage = run_command(stack.api_url, images, folder, images.name)
        after = read_component_times(state)
        times = service_times.to_json(
            service_times.read_deliveries(stack, since), service_times.read_requests(stack, since)
        )
    finally:
        local_stack.down(state, wipe=True)
    component_times = ComponentTimes(
        after.engine - before.engine,
        after.functions - before.functions,
        max(0.0, after.renderers - before.renderers),
        {name: cpu - before.by_function.get(name, 0.0) for name, cpu in sorted(after.by_function.items())},
    )
    return Run(sum(1 for _ in images.iterdir()), usage, component_times, times)


def wait_for_schedules(state: Path) -> None:
    """Wait until the scheduled functions have started, because their start is no work for an image."""
    deadline = time.monotonic() + SCHEDULE_SECONDS
    while not read_component_times(state).by_function.keys() >= SCHEDULED and time.monotonic() < deadline:
        time.sleep(1)


def run_command(api_url: str, images: Path, folder: Path, name: str) -> Usage:
    """Run the command and return its resource usage. Raises CalledProcessError if the command fails."""
    out, checkpoint = folder / f"out-{name}", folder / f"{name}.sqlite"
    arguments = ["ingest", str(images), "--out", str(out), "--checkpoint", str(checkpoint), "--api-url", api_url]
    # Start the command from a small process. Otherwise, the memory of this process would count as the peak.
    code = (
        "import dataclasses, json, sys, process_usage as m\n"
        "print(json.dumps(dataclasses.asdict(m.measure(sys.argv[1:]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, sys.executable, "-m", "safelight", *arguments],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    return Usage(**json.loads(done.stdout))


def read_component_times(state: Path) -> ComponentTimes:
    """Return the CPU time that the engine and its functions have used so far."""
    record = EngineRecord.read(state / "engine.json")
    if record is None:
        raise SystemExit("The engine is not running.")
    engine = psutil.Process(record.pid)
    renderers = 0.0
    by_function: defaultdict[str, float] = defaultdict(float)
    for process in engine.children(recursive=True):
        # The engine's snapshots end within a moment.
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            if "worker.sandbox.child" in process.cmdline():
                renderers += times.user + times.system
            else:
                by_function[process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "other")] += times.user + times.system
                # This includes child processes that have exited.
                renderers += times.children_user + times.children_system
    times = engine.cpu_times()
    return ComponentTimes(times.user + times.system, sum(by_function.values()), renderers, by_function)


def print_run(what: str, run: Run) -> None:
    """Print one measurement."""
    components = {
        "client": run.client.cpu,
        "engine": run.components.engine,
        "functions": run.components.functions,
        "child processes": run.components.renderers,
    }
    each = ", ".join(f"{name} {1000 * seconds / run.images:.1f}" for name, seconds in components.items())
    busy = run.cpu * run.rate / CORES
    functions = ", ".join(f"{name} {1000 * cpu / run.images:.1f}" for name, cpu in run.components.by_function.items())
    print(f"{what}: {run.rate:.1f}/s; {each}, in all {1000 * run.cpu:.1f}, {100 * busy:.0f} % of the cores;"
          f" peak memory of the client {run.client.peak / 1024 / 1024:.1f} MiB", flush=True)  # fmt: skip
    print(f"  functions: {functions}", flush=True)


def measure_rendering(images: Path, out: Path) -> RenderOnly:
    """Render photographs with the imaging code alone, one process per core."""
    out.mkdir()
    files = sorted(images.iterdir())
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(render_file, files[: CORES * 2], [out] * CORES * 2))
        started = time.perf_counter()
        cpu = sum(pool.map(render_file, files, [out] * len(files)))
        return RenderOnly(rate=len(files) / (time.perf_counter() - started), cpu=cpu / len(files))


def render_file(path: Path, out: Path) -> float:
    """Render one photograph with the default pipeline and return the CPU seconds."""
    started = time.process_time()
    result = render(path.read_bytes(), DEFAULT_PIPELINE, LIMITS)
    for _, encoded in result.outputs:
        (out / f"{path.stem}.png").write_bytes(encoded.data)
    return time.process_time() - started


def make_small(folder: Path, number: int) -> None:
    """Write small, different images."""
    folder.mkdir(exist_ok=True)
    with Image.open(BUNDLED / "astronaut.jpg") as opened:
        base = opened.convert("RGB")
    generator = random.Random(SEED)  # noqa: S311 - not for security
    for index in range(number):
        left, top = generator.randrange(base.width - SMALL[0]), generator.randrange(base.height - SMALL[1])
        image = base.crop((left, top, left + SMALL[0], top + SMALL[1]))
        # Encode the number in colors that remain different after JPEG compression.
        for bit in range(16):
            image.paste((255, 255, 255) if index >> bit & 1 else (0, 0, 0), (bit * 8, 0, bit * 8 + 8, 8))
        image.save(folder / f"{index:06}.jpg", quality=85)


def make_photos(source: Path, folder: Path, number: int) -> None:
    """Write ``number`` copies of the photographs of a folder. Each copy has a different comment."""
    folder.mkdir()
    originals = [path for path in sorted(source.rglob("*.jpg")) if is_large(path)]
    if not originals:
        raise SystemExit(f"{source} has no JPEG photographs of a megapixel and more.")
    for index in range(number):
        data = originals[index % len(originals)].read_bytes()
        comment = f"copy {index}".encode()
        # Insert a COM segment (ITU T.81, B.2.4.5) after SOI. Its length includes the length field.
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        (folder / f"{index:06}.jpg").write_bytes(data[:2] + segment + data[2:])


def is_large(path: Path) -> bool:
    """Return True if an image has at least one megapixel."""
    with Image.open(path) as opened:
        return opened.width * opened.height >= 1_000_000


if __name__ == "__main__":
    main()
