"""Compare Safelight's imaging code with other libraries on a folder of photographs.

``python benchmarks/pixels.py FOLDER [--jobs default,web] [--rounds 3] > pixels.json`` runs each contender on each job
in a separate process and prints the medians as JSON. In each round, all contenders run in turn.
``benchmarks/report.py`` makes tables and a plot from the JSON. Contenders that are not installed are skipped.
``make bench`` installs all contenders.

CPU time is the user and system time of the process, its threads and its children, minus the CPU time of a start without
images. Other load on the machine makes all times longer, so compare only results of the same run.
"""

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench_jobs import JOBS, BenchJob, to_json
from process_usage import ROOT, ProgramFailed, Usage, measure

CONTENDERS_FOLDER = ROOT / "benchmarks" / "contenders"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def build_python_command(module: str, *options: str) -> Callable[[BenchJob], list[str]]:
    """Return a function that returns the command of a Python contender for a job."""
    return lambda job: [sys.executable, "-m", f"contenders.{module}", *options, job.name]


def build_sharp_command(job: BenchJob) -> list[str]:
    """Return the command of sharp for a job."""
    return ["node", str(CONTENDERS_FOLDER / "sharp.mjs"), to_json(job)]


@dataclass(frozen=True, slots=True)
class Contender:
    """One program that can run the jobs."""

    title: str
    command: Callable[[BenchJob], list[str]]
    is_missing: Callable[[], bool]
    jobs: Sequence[str] = tuple(job.name for job in JOBS)


def check_module(module: str) -> Callable[[], bool]:
    """Return a predicate that returns True if a Python module is not installed."""
    return lambda: importlib.util.find_spec(module) is None


def is_sharp_missing() -> bool:
    """Return True if Node or sharp is not installed."""
    return shutil.which("node") is None or not (ROOT / "benchmarks" / "node_modules" / "sharp").is_dir()


REFERENCE = Contender("Safelight, plain way", build_python_command("safelight", "--plain"), check_module("PIL"))
#: How arm64 and platforms without a SIMD kernel resize.
ARM64 = Contender(
    "Safelight, arm64", build_python_command("safelight", "--kernel=pic-scale"), check_module("pic_scale")
)
PILLOW = Contender("Safelight, Pillow", build_python_command("safelight", "--kernel=pillow"), check_module("PIL"))
OURS = Contender("Safelight", build_python_command("safelight"), check_module("PIL"))
CONTENDERS = (
    OURS,
    ARM64,
    PILLOW,
    REFERENCE,
    Contender("sharp", build_sharp_command, is_sharp_missing),
    Contender("pyvips", build_python_command("vips"), check_module("pyvips")),
    Contender("OpenCV", build_python_command("opencv"), check_module("cv2")),
    Contender("Pillow, tutorial", build_python_command("tutorial"), check_module("PIL")),
    Contender("Luma decode alone", build_python_command("luma"), check_module("PIL"), jobs=("default",)),
)


@dataclass(frozen=True, slots=True)
class Score:
    """The result of one contender for one job. Times are in milliseconds per image, and sizes are in bytes."""

    job: str
    contender: str
    cpu: float
    wall: float
    peak: int
    size: int
    psnr: float | None
    ssim: float | None


def main() -> None:
    """Measure all contenders and print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with JPEG, PNG or WebP files")
    parser.add_argument("--jobs", default=",".join(job.name for job in JOBS), help="comma-separated job names")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contender")
    parser.add_argument("--contender", action="append", help="title; the plain way is needed for PSNR (default: all)")
    arguments = parser.parse_args()
    files = sorted(str(path) for path in arguments.folder.resolve().iterdir() if path.suffix.lower() in SUFFIXES)
    titles = arguments.contender or [each.title for each in CONTENDERS]
    chosen = [contender for contender in CONTENDERS if contender.title in titles]
    installed = [contender for contender in chosen if not contender.is_missing()]
    for contender in chosen:
        if contender not in installed:
            print(f"Not installed, skipped: {contender.title}", file=sys.stderr)
    jobs = [job for job in JOBS if job.name in arguments.jobs.split(",")]
    scores = [score for job in jobs for score in run_job(job, installed, files, arguments.rounds)]
    result = {"files": len(files), "rounds": arguments.rounds, "scores": [asdict(score) for score in scores]}
    print(json.dumps(result, indent=1))


def run_job(job: BenchJob, contenders: Sequence[Contender], files: Sequence[str], rounds: int) -> list[Score]:
    """Run one job with each contender in turn, in several rounds."""
    remaining = [contender for contender in contenders if job.name in contender.jobs]
    starts: dict[str, list[Usage]] = {}
    runs: dict[str, list[Usage]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for contender in list(remaining):
                out = Path(folder) / contender.title
                out.mkdir(exist_ok=True)
                command = [*contender.command(job), str(out)]
                try:
                    starts.setdefault(contender.title, []).append(measure(command))
                    runs.setdefault(contender.title, []).append(measure([*command, *files]))
                except ProgramFailed as error:
                    print(f"{contender.title} failed on {job.title}: {error}", file=sys.stderr)
                    remaining.remove(contender)
        return [
            create_score(job, contender, Path(folder), starts[contender.title], runs[contender.title])
            for contender in remaining
        ]


def create_score(
    job: BenchJob, contender: Contender, folder: Path, starts: Sequence[Usage], runs: Sequence[Usage]
) -> Score:
    """Return the medians and the quality of one contender."""
    results = sorted((folder / contender.title).iterdir())
    count = len(results)
    size = sum(result.stat().st_size for result in results) // count
    reference = folder / REFERENCE.title
    quality = measure_quality(reference, folder / contender.title) if size and reference.is_dir() else {}
    return Score(
        job=job.name,
        contender=contender.title,
        cpu=(median(run.cpu for run in runs) - median(start.cpu for start in starts)) / count * 1000,
        wall=(median(run.wall for run in runs) - median(start.wall for start in starts)) / count * 1000,
        peak=max(run.peak for run in runs),
        size=size,
        psnr=quality.get("psnr"),
        ssim=quality.get("ssim"),
    )


def measure_quality(reference: Path, other: Path) -> dict[str, float]:
    """Return PSNR and SSIM. Measure them in a separate process, because numpy would increase this process's memory."""
    command = [sys.executable, "-m", "similarity", str(reference), str(other)]
    completed = subprocess.run(command, cwd=ROOT / "benchmarks", check=True, capture_output=True, text=True)
    quality: dict[str, float] = json.loads(completed.stdout)
    return quality


if __name__ == "__main__":
    main()
