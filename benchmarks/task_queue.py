"""Compare ``safelight ingest`` on the embedded engine with Celery, Redis and Pillow, used as in tutorials.

``python benchmarks/task_queue.py --folder PHOTOS`` processes 300 photographs with the default job. Celery has two
worker processes, which read and write local files, without HTTP and without an object store. Its time is that of 300
tasks, from the first message to the last result. The time of Safelight is that of the whole command, with uploads and
downloads. The two take turns, so that both run under the same load. The first round of both starts their processes and
does not count, and the functions that run every minute start before it. Compare the ratio of the rates. The idle share
is the share of the processors that nobody used.

It needs ``redis-server`` (Debian: ``redis-server``) and the packages of ``make bench``.
"""

import argparse
import importlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from ingest import BUNDLED, make_photos, run_command, wait_for_schedules

from infra import local_stack

HERE = Path(__file__).parent
PROCESSES = 2
#: Seconds for 300 tasks, and for the start of a server.
MAX_SECONDS = 600


def main() -> None:
    """Run all rounds and print the rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=BUNDLED, help="folder with photographs")
    parser.add_argument("--photos", type=int, default=300, help="number of photographs")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender that count")
    arguments = parser.parse_args()
    if shutil.which("redis-server") is None:
        sys.exit("redis-server is not installed.")
    with tempfile.TemporaryDirectory(prefix="safelight-queue-") as name:
        folder = Path(name)
        make_photos(arguments.folder, folder / "photos", arguments.photos)
        with run_redis(folder) as address, run_workers(address), run_stack(folder) as api_url:
            ratios = []
            for number in range(arguments.rounds + 1):
                celery, celery_idle = measure_idle(partial(measure_celery, folder, "photos", f"celery-{number}"))
                safelight, safelight_idle = measure_idle(
                    partial(measure_safelight, api_url, folder, "photos", f"safelight-{number}")
                )
                ratio = celery / safelight
                print(
                    "" if number else "Warm-up: ",
                    f"Celery {arguments.photos / celery:.1f}/s, {celery_idle:.0%} idle; "
                    f"Safelight {arguments.photos / safelight:.1f}/s, {safelight_idle:.0%} idle; ratio {ratio:.2f}",
                    sep="",
                    flush=True,
                )
                ratios += [ratio] if number else []
        print(f"{arguments.photos} photographs: median ratio {statistics.median(ratios):.2f}")


@contextmanager
def run_redis(folder: Path) -> Iterator[str]:
    """Run Redis without persistence on a free port and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def run_workers(address: str) -> Iterator[None]:
    """Run Celery's worker processes for these tasks."""
    os.environ["BENCHMARK_REDIS"] = address
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE.parent), str(HERE)))}
    options = ["worker", "--concurrency", str(PROCESSES), "--loglevel", "ERROR", "--without-mingle", "--without-gossip"]
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "contenders.celery_tasks", *options]
    process = subprocess.Popen(command, cwd=HERE, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def run_stack(folder: Path) -> Iterator[str]:
    """Run the embedded engine with Safelight and yield the URL of the API, once all functions have started."""
    state = folder / "state"
    stack = local_stack.up(state)
    try:
        wait_for_schedules(state)
        yield stack.api_url
    finally:
        local_stack.down(state, wipe=True)


def measure_idle(run: Callable[[], float]) -> tuple[float, float]:
    """Return the seconds that ``run`` measures, and the share of all processors' time in which they were idle."""
    before = psutil.cpu_times()
    seconds = run()
    after = psutil.cpu_times()
    return seconds, (after.idle - before.idle) / (sum(after) - sum(before))


def measure_celery(folder: Path, images: str, name: str) -> float:
    """Return the seconds in which Celery processes all files of a folder."""
    out = folder / f"out-{name}"
    out.mkdir()
    tasks: Any = importlib.import_module("contenders.celery_tasks")
    files = sorted((folder / images).iterdir())
    started = time.perf_counter()
    results = [tasks.render_file.delay(str(path), str(out / f"{path.stem}.png")) for path in files]
    for result in results:
        result.get(timeout=MAX_SECONDS)
    seconds = time.perf_counter() - started
    require_results(out, len(files))
    return seconds


def measure_safelight(api_url: str, folder: Path, images: str, name: str) -> float:
    """Return the seconds in which ``safelight ingest`` processes all files of a folder."""
    usage = run_command(api_url, folder / images, folder, name)
    require_results(folder / f"out-{name}", sum(1 for _ in (folder / images).iterdir()))
    return usage.wall


def require_results(out: Path, number: int) -> None:
    """Exit if a result is missing."""
    found = sum(1 for path in out.rglob("*.png") if path.stat().st_size)
    if found != number:
        sys.exit(f"{out.name} has {found} results instead of {number}.")


if __name__ == "__main__":
    main()
