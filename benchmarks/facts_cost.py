"""Measure what image facts add to a job.

``python benchmarks/facts_cost.py FOLDER [--rounds 5]`` renders each photograph in turn with and without facts, in one
process, and prints for each job the CPU time per image (the sum of the lowest of all rounds), the cost of facts in
percent. Then it prints the peak memory of a new process that renders all photographs.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bench_jobs import JOBS
from contenders.safelight import create_pipeline

from shared.pipeline.facts import FactsRequest
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render
from worker.imaging.pillow_setup import prepare_process

MIB: Final = 1024 * 1024
LIMITS: Final = Limits(max_bytes=100 * MIB, max_pixels=100_000_000, max_side=20_000)
SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".webp"}
#: Names of jobs of ``bench_jobs``.
NAMES: Final = ("default", "thumbnail", "web")


def main() -> None:
    """Measure all jobs and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", choices=("with", "without"), help="render the default job once and print peak memory")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.iterdir() if path.suffix.lower() in SUFFIXES)
    prepare_process()
    pipelines = {job.name: create_pipeline(job) for job in JOBS if job.name in NAMES}
    if arguments.peak:
        for file in files:
            render(
                file.read_bytes(),
                pipelines["default"],
                LIMITS,
                facts_request=choose(with_facts=arguments.peak == "with"),
            )
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    for name, pipeline in pipelines.items():
        plain, full = measure_job(files, pipeline, arguments.rounds)
        print(f"{name}: {plain:.1f} ms, with facts {full:.1f} ms: {100 * (full / plain - 1):+.1f} %")
    peaks = {each: measure_peak(arguments.folder, each) for each in ("without", "with")}
    print(f"Peak memory: {peaks['without']:.1f} MiB, with facts {peaks['with']:.1f} MiB", end="")
    print(f": {100 * (peaks['with'] / peaks['without'] - 1):+.1f} %")


def choose(*, with_facts: bool) -> FactsRequest | None:
    """Return the default request for facts, or None."""
    return FactsRequest() if with_facts else None


def measure_job(files: list[Path], pipeline: Pipeline, rounds: int) -> tuple[float, float]:
    """Return the CPU time per image without and with facts, in milliseconds."""
    totals = [0.0, 0.0]
    for file in files:
        data = file.read_bytes()
        lowest = [float("inf"), float("inf")]
        for turn in range(2 * rounds):
            with_facts = (turn + turn // 2) % 2
            request = choose(with_facts=bool(with_facts))
            spent = measure(partial(render, data, pipeline, LIMITS, facts_request=request))
            lowest[with_facts] = min(lowest[with_facts], spent)
        totals = [total + each for total, each in zip(totals, lowest, strict=True)]
    plain, full = (1000 * total / len(files) for total in totals)
    return plain, full


def measure(call: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def measure_peak(folder: Path, which: str) -> float:
    """Return the peak memory of a new process in MiB."""
    command = [sys.executable, __file__, str(folder), "--peak", which]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(run.stdout) / 1024


if __name__ == "__main__":
    main()
