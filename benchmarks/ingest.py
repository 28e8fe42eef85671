"""Prints how fast ``safelight ingest`` goes on the embedded engine, and how much memory it takes.

``python benchmarks/ingest.py --small 1000 10000 --photos 500 --folder PHOTOS``: for each number of small images, and
for the photographs of a folder (by default the bundled ones; each again, made another file by a comment, until there
are enough), the rate from the first name to the last result, the processor time of each part, and the client's peak
memory; then the rate at which the bare pixel code renders the same photographs on the same cores, files in, files
out. Absolute rates belong to the machine; their ratio can be compared, and where others use the machine too, the ratio
of processor times. ``--json FILE`` writes all of it, with when each record came and how long each step took.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from PIL import Image
from process_usage import Usage

from infra import local_stack
from infra.engines.record import EngineRecord
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from simulation import service_times
from worker.imaging import Limits, render

LIMITS = Limits(max_bytes=100 * 1024 * 1024, max_pixels=50_000_000, max_side=16_384)
BUNDLED = Path(__file__).parents[1] / "safelight" / "demo_images"
SMALL = (160, 120)
CORES = os.cpu_count() or 1
SEED = 11


@dataclass(frozen=True, slots=True)
class Parts:
    """Processor seconds by part."""

    engine: float
    functions: float
    #: Of the functions' children, which render.
    pixels: float


@dataclass(frozen=True, slots=True)
class Run:
    """One ingest, from the first name to the last result."""

    pictures: int
    client: Usage
    parts: Parts
    #: See ``service_times``; seconds since the command was started.
    times: dict[str, Any]

    @property
    def rate(self) -> float:
        """Return images a second."""
        return self.pictures / self.client.wall

    @property
    def cpu(self) -> float:
        """Return processor seconds an image, of all parts."""
        return (self.client.cpu + self.parts.engine + self.parts.functions + self.parts.pixels) / self.pictures


@dataclass(frozen=True, slots=True)
class Bare:
    """The pixel code alone, one process a core."""

    #: Images a second.
    rate: float
    #: Processor seconds an image.
    cpu: float


def main() -> None:
    """Measure and print what is asked for."""
    asked = read_arguments()
    told: dict[str, Any] = {"cores": CORES, "runs": []}
    with tempfile.TemporaryDirectory(prefix="safelight-ingest-") as name:
        folder = Path(name)
        print(f"{CORES} cores; rates in pictures per second; processor time in milliseconds a picture")
        for number in asked.small:
            pictures = folder / f"small-{number}"
            make_small(pictures, number)
            run = ingested(folder, pictures)
            tell(f"{number:,} small pictures", run)
            told["runs"].append({"what": "small pictures", **asdict(run)})
        if asked.photos:
            pictures = folder / "photos"
            make_photos(asked.folder, pictures, asked.photos)
            bare = rendered_bare(pictures, folder / "bare")
            run = ingested(folder, pictures)
            tell(f"{asked.photos:,} photographs", run)
            print(
                f"bare pixel code {bare.rate:.1f}/s, {1000 * bare.cpu:.1f} ms; end to end {run.rate / bare.rate:.2f} of"
                f" that by the clock, {bare.cpu / run.cpu:.2f} by processor time"
            )
            told["runs"].append({"what": "photographs", "bare": asdict(bare), **asdict(run)})
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def read_arguments() -> argparse.Namespace:
    """Read what is to be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, nargs="*", default=[1000], help="numbers of small pictures")
    parser.add_argument("--photos", type=int, default=100, help="number of photographs")
    parser.add_argument("--folder", type=Path, default=BUNDLED, help="where photographs are")
    parser.add_argument("--json", type=Path, help="file for all that was measured")
    return parser.parse_args()


def ingested(folder: Path, pictures: Path) -> Run:
    """Ingest a folder on an engine of its own, once its functions are warm; return what that took."""
    state = folder / "state"
    stack = local_stack.up(state)
    try:
        first = folder / "first"
        make_small(first, 10)
        command(stack.api_url, first, folder, "warm")
        before = parts_of(state)
        since = datetime.now(UTC)
        usage = command(stack.api_url, pictures, folder, pictures.name)
        after = parts_of(state)
        times = service_times.as_json(service_times.deliveries(stack, since), service_times.requests(stack, since))
    finally:
        local_stack.down(state, wipe=True)
    took = Parts(
        after.engine - before.engine, after.functions - before.functions, max(0.0, after.pixels - before.pixels)
    )
    return Run(sum(1 for _ in pictures.iterdir()), usage, took, times)


def command(api_url: str, pictures: Path, folder: Path, name: str) -> Usage:
    """Run the command to its end; it must go well."""
    out, checkpoint = folder / f"out-{name}", folder / f"{name}.sqlite"
    arguments = ["ingest", str(pictures), "--out", str(out), "--checkpoint", str(checkpoint), "--api-url", api_url]
    # From a small process: what this one holds would count as the command's peak.
    code = (
        "import dataclasses, json, sys, measured as m; print(json.dumps(dataclasses.asdict(m.measure(sys.argv[1:]))))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, sys.executable, "-m", "safelight", *arguments],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    return Usage(**json.loads(told.stdout))


def parts_of(state: Path) -> Parts:
    """Return the processor time that the engine and its functions have taken so far."""
    record = EngineRecord.read(state / "engine.json")
    if record is None:
        raise SystemExit("The engine is gone.")
    engine = psutil.Process(record.pid)
    functions = pixels = 0.0
    for process in engine.children(recursive=True):
        times = process.cpu_times()
        if "worker.sandbox.child" in process.cmdline():
            pixels += times.user + times.system
        else:
            functions += times.user + times.system
            # Of its own children that are gone: those that rendered, too.
            pixels += times.children_user + times.children_system
    times = engine.cpu_times()
    return Parts(times.user + times.system, functions, pixels)


def tell(what: str, run: Run) -> None:
    """Print one measurement."""
    parts = {
        "client": run.client.cpu,
        "engine": run.parts.engine,
        "functions": run.parts.functions,
        "their children": run.parts.pixels,
    }
    each = ", ".join(f"{name} {1000 * seconds / run.pictures:.1f}" for name, seconds in parts.items())
    busy = run.cpu * run.rate / CORES
    print(f"{what}: {run.rate:.1f}/s; {each}, in all {1000 * run.cpu:.1f}, {100 * busy:.0f} % of the cores;"
          f" client's peak {run.client.peak / 1024 / 1024:.1f} MiB", flush=True)  # fmt: skip


def rendered_bare(pictures: Path, out: Path) -> Bare:
    """Render photographs with the pixel code alone, one process a core."""
    out.mkdir()
    files = sorted(pictures.iterdir())
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(rendered, files[: CORES * 2], [out] * CORES * 2))
        began = time.perf_counter()
        cpu = sum(pool.map(rendered, files, [out] * len(files)))
        return Bare(rate=len(files) / (time.perf_counter() - began), cpu=cpu / len(files))


def rendered(path: Path, out: Path) -> float:
    """Render one photograph as a job without wishes does; return the processor seconds of that."""
    began = time.process_time()
    made = render(path.read_bytes(), DEFAULT_PIPELINE, LIMITS)
    for _, encoded in made.outputs:
        (out / f"{path.stem}.png").write_bytes(encoded.data)
    return time.process_time() - began


def make_small(folder: Path, number: int) -> None:
    """Make small images, all different."""
    folder.mkdir(exist_ok=True)
    with Image.open(BUNDLED / "astronaut.jpg") as opened:
        base = opened.convert("RGB")
    dice = random.Random(SEED)  # noqa: S311 - images, no secrets
    for index in range(number):
        left, top = dice.randrange(base.width - SMALL[0]), dice.randrange(base.height - SMALL[1])
        picture = base.crop((left, top, left + SMALL[0], top + SMALL[1]))
        # The number, as colors that JPEG keeps apart.
        for bit in range(16):
            picture.paste((255, 255, 255) if index >> bit & 1 else (0, 0, 0), (bit * 8, 0, bit * 8 + 8, 8))
        picture.save(folder / f"{index:06}.jpg", quality=85)


def make_photos(source: Path, folder: Path, number: int) -> None:
    """Copy the photographs of a folder, in turn, each copy with a comment of its own, until there are enough."""
    folder.mkdir()
    originals = [path for path in sorted(source.rglob("*.jpg")) if is_large(path)]
    if not originals:
        raise SystemExit(f"{source} has no JPEG photographs of a megapixel and more.")
    for index in range(number):
        data = originals[index % len(originals)].read_bytes()
        comment = f"copy {index}".encode()
        # A COM segment (ITU T.81, B.2.4.5) right after the start: its length counts itself.
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        (folder / f"{index:06}.jpg").write_bytes(data[:2] + segment + data[2:])


def is_large(path: Path) -> bool:
    """Tell whether a file has the pixels of a photograph."""
    with Image.open(path) as opened:
        return opened.width * opened.height >= 1_000_000


if __name__ == "__main__":
    main()
