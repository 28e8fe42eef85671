"""Measure what a child process of the sandbox costs, and compare with other checkouts of this repository.

``python benchmarks/child_processes.py IMAGE [CHECKOUT ...]`` prints a Markdown table for this checkout and for the
others: the CPU time until a child is ready, its peak memory when it is ready and after the default job, and the CPU
time of the default job. All times are the minimum of several runs, in which the checkouts take turns. Linux only.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 7
JOBS = 8
#: Name, unit and divisor of each measured value.
COLUMNS = {
    "start": ("Start, CPU, ms", 1e-3),
    "ready": ("Peak when ready, MiB", 1024),
    "job": ("Default job, CPU, ms", 1e-3),
    "peak": ("Peak after the job, MiB", 1024),
}


def main() -> None:
    """Measure each checkout in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=Path, help="image file")
    parser.add_argument("checkouts", type=Path, nargs="*", help="folders of other checkouts")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(measure(arguments.image.read_bytes())))
        return
    checkouts = [ROOT, *(path.resolve() for path in arguments.checkouts)]
    runs = {path: [run(path, arguments.image.resolve())] for path in checkouts}
    for _ in range(RUNS - 1):
        for path in checkouts:
            runs[path].append(run(path, arguments.image.resolve()))
    print(f"| Checkout | {' | '.join(title for title, _ in COLUMNS.values())} |\n| --- |{' ---: |' * len(COLUMNS)}")
    for path in checkouts:
        lowest = [min(one[name] for one in runs[path]) / unit for name, (_, unit) in COLUMNS.items()]
        print(f"| {describe(path)} | {' | '.join(f'{value:.1f}' for value in lowest)} |")


def run(checkout: Path, image: Path) -> dict[str, float]:
    """Measure one child of a checkout in a process of its own."""
    command = [sys.executable, str(Path(__file__)), str(image), "--once"]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def measure(data: bytes) -> dict[str, float]:
    """Return the CPU seconds and the peak memory in KiB of one child."""
    # Imported here, because the process that compares checkouts must not load this checkout.
    from shared.pipeline.pipeline import DEFAULT_PIPELINE  # noqa: PLC0415
    from worker.imaging import Limits  # noqa: PLC0415
    from worker.sandbox.budget import Budget  # noqa: PLC0415
    from worker.sandbox.process import Child  # noqa: PLC0415
    from worker.sandbox.protocol import Request  # noqa: PLC0415

    limits = Limits(max_bytes=100_000_000, max_pixels=200_000_000, max_side=50_000)
    budget = Budget.of(limits, memory_mib=8192, children=1, cpu_seconds=60)
    request = Request(
        pipeline=DEFAULT_PIPELINE, limits=limits, assets=(), answer_bytes=budget.answer_bytes, sizes=(len(data),)
    )
    with Child(budget, {}) as child:
        process = child.wait_until_ready().process_id or child.id
        ready = read_peak(process)
        child.run(request, [data])
        peak = read_peak(process)
        first = read_cpu(process)
        for _ in range(JOBS):
            child.run(request, [data])
        job = (read_cpu(process) - first) / JOBS
    before = read_children()
    with Child(budget, {}) as child:
        child.wait_until_ready()
    return {"start": read_children() - before, "ready": ready, "job": job, "peak": peak}


def read_children() -> float:
    """Return the CPU seconds of all ended children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_cpu(process: int) -> float:
    """Return the CPU seconds of a running process (``proc_pid_schedstat``)."""
    return int(Path(f"/proc/{process}/schedstat").read_text("ascii").split()[0]) / 1e9


def read_peak(process: int) -> int:
    """Return the peak memory of a running process, KiB (``VmHWM`` of ``proc_pid_status``)."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def describe(checkout: Path) -> str:
    """Return the newest commit of a checkout, short."""
    command: Sequence[str] = ("git", "log", "-1", "--format=%h %s")
    return subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
