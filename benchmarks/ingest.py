"""Prints how fast ``safelight ingest`` goes on the embedded engine, and how much memory it takes.

``python benchmarks/ingest.py --small 1000 10000 --photos 500 --folder PHOTOS``: for each number of small pictures, and
for photographs cut from those in a folder (by default the bundled ones), the rate from the first name to the last
result, the processor time of each part, and the client's peak memory; then the rate at which the bare pixel code
renders the same photographs on the same cores, files in, files out. Absolute rates belong to the machine; their ratio
can be compared.
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
from dataclasses import dataclass
from pathlib import Path

import psutil
from measured import Usage
from PIL import Image

from infra import local
from infra.engines import embedded
from shared.pipeline import DEFAULT_PIPELINE
from worker.imaging import Limits, render

LIMITS = Limits(max_bytes=100 * 1024 * 1024, max_pixels=50_000_000, max_side=16_384)
BUNDLED = Path(__file__).parents[1] / "client" / "pictures"
SMALL = (160, 120)
PHOTO = (2560, 1600)
"""Most pixels of a photograph, width and height."""
CORES = os.cpu_count() or 1
SEED = 11


@dataclass(frozen=True, slots=True)
class Parts:
    """Processor seconds by part."""

    engine: float
    functions: float


def main() -> None:
    """Measure and print what is asked for."""
    asked = read_arguments()
    with tempfile.TemporaryDirectory(prefix="safelight-ingest-") as name:
        folder = Path(name)
        print(f"{CORES} cores; rates in pictures per second; processor time in milliseconds a picture")
        for number in asked.small:
            pictures = folder / f"small-{number}"
            make_small(pictures, number)
            tell(f"{number:,} small pictures", number, *ingested(folder, pictures))
        if asked.photos:
            pictures = folder / "photos"
            make_photos(asked.folder, pictures, asked.photos)
            bare = bare_rate(pictures, folder / "bare")
            rate = tell(f"{asked.photos:,} photographs", asked.photos, *ingested(folder, pictures))
            print(f"bare pixel code {bare:.1f}/s; end to end {rate / bare:.2f} of that")


def read_arguments() -> argparse.Namespace:
    """Read what is to be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, nargs="*", default=[1000], help="numbers of small pictures")
    parser.add_argument("--photos", type=int, default=100, help="number of photographs")
    parser.add_argument("--folder", type=Path, default=BUNDLED, help="where photographs are")
    return parser.parse_args()


def ingested(folder: Path, pictures: Path) -> tuple[Usage, Parts]:
    """Ingest a folder on an engine of its own, once its functions are warm; return what that took."""
    state = folder / "state"
    stack = local.up(state)
    try:
        first = folder / "first"
        make_small(first, 10)
        command(stack.api_url, first, folder, "warm")
        before = parts_of(state)
        usage = command(stack.api_url, pictures, folder, pictures.name)
        after = parts_of(state)
    finally:
        local.down(state, wipe=True)
    return usage, Parts(after.engine - before.engine, after.functions - before.functions)


def command(api_url: str, pictures: Path, folder: Path, name: str) -> Usage:
    """Run the command to its end; it must go well."""
    out, checkpoint = folder / f"out-{name}", folder / f"{name}.sqlite"
    arguments = ["ingest", str(pictures), "--out", str(out), "--checkpoint", str(checkpoint), "--api-url", api_url]
    # From a small process: what this one holds would count as the command's peak.
    code = (
        "import dataclasses, json, sys, measured as m; print(json.dumps(dataclasses.asdict(m.measure(sys.argv[1:]))))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, sys.executable, "-m", "client", *arguments],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    return Usage(**json.loads(told.stdout))


def parts_of(state: Path) -> Parts:
    """Return the processor time that the engine and its functions have taken so far."""
    record = embedded.Record.read(state / "engine.json")
    if record is None:
        raise SystemExit("The engine is gone.")
    engine = psutil.Process(record.pid)
    functions = 0.0
    for process in engine.children(recursive=True):
        times = process.cpu_times()
        # With what its own children took that are gone.
        functions += times.user + times.system + times.children_user + times.children_system
    times = engine.cpu_times()
    return Parts(times.user + times.system, functions)


def tell(what: str, number: int, usage: Usage, parts: Parts) -> float:
    """Print one measurement; return its rate."""
    rate = number / usage.wall
    each = [
        f"{name} {1000 * seconds / number:.1f}"
        for name, seconds in (("client", usage.cpu), ("engine", parts.engine), ("functions", parts.functions))
    ]
    print(f"{what}: {rate:.1f}/s; {', '.join(each)}; client's peak {usage.peak / 1024 / 1024:.1f} MiB", flush=True)
    return rate


def bare_rate(pictures: Path, out: Path) -> float:
    """Return how many photographs a second the pixel code alone renders, one process a core."""
    out.mkdir()
    files = sorted(pictures.iterdir())
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(rendered, files[: CORES * 2], [out] * CORES * 2))
        began = time.perf_counter()
        list(pool.map(rendered, files, [out] * len(files)))
        return len(files) / (time.perf_counter() - began)


def rendered(path: Path, out: Path) -> None:
    """Render one photograph as a job without wishes does."""
    made = render(path.read_bytes(), DEFAULT_PIPELINE, LIMITS)
    for _, encoded in made.outputs:
        (out / f"{path.stem}.png").write_bytes(encoded.data)


def make_small(folder: Path, number: int) -> None:
    """Make small pictures, all different."""
    folder.mkdir(exist_ok=True)
    with Image.open(BUNDLED / "astronaut.jpg") as opened:
        base = opened.convert("RGB")
    dice = random.Random(SEED)  # noqa: S311 - pictures, no secrets
    for index in range(number):
        left, top = dice.randrange(base.width - SMALL[0]), dice.randrange(base.height - SMALL[1])
        picture = base.crop((left, top, left + SMALL[0], top + SMALL[1]))
        # The number, as colours that JPEG keeps apart.
        for bit in range(16):
            picture.paste((255, 255, 255) if index >> bit & 1 else (0, 0, 0), (bit * 8, 0, bit * 8 + 8, 8))
        picture.save(folder / f"{index:06}.jpg", quality=85)


def make_photos(source: Path, folder: Path, number: int) -> None:
    """Cut photographs out of those of a folder, in turn, until there are enough."""
    folder.mkdir()
    originals = [path for path in sorted(source.rglob("*.jpg")) if is_large(path)]
    if not originals:
        raise SystemExit(f"{source} has no JPEG photographs of a megapixel and more.")
    dice = random.Random(SEED)  # noqa: S311 - pictures, no secrets
    for index in range(number):
        with Image.open(originals[index % len(originals)]) as opened:
            picture = opened.convert("RGB")
        part = dice.uniform(0.85, 0.99)
        width, height = int(picture.width * part), int(picture.height * part)
        left, top = dice.randrange(picture.width - width), dice.randrange(picture.height - height)
        picture = picture.crop((left, top, left + width, top + height))
        picture.thumbnail(PHOTO)
        picture.save(folder / f"{index:06}.jpg", quality=dice.randrange(80, 95))


def is_large(path: Path) -> bool:
    """Tell whether a file has the pixels of a photograph."""
    with Image.open(path) as opened:
        return opened.width * opened.height >= 1_000_000


if __name__ == "__main__":
    main()
