"""Measure Safelight's pixels against other ways to do the same jobs, over a folder of photographs.

``python benchmarks/pixels.py FOLDER [--jobs default,web] [--rounds 3] > pixels.json`` runs each contender on each
job in a process of its own, all in turn in each round, and takes the median. ``benchmarks/report.py`` makes tables
and a plot of the JSON that it prints. What is not installed is named and left out; ``make bench`` installs all.

CPU is user and system time of the process and all its threads and children, less what a start without
images takes. A machine that others use too makes all times longer: compare within one run.
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

from contest import JOBS, BenchJob, as_json
from process_usage import ROOT, ProgramFailed, Usage, measure

CONTENDERS = ROOT / "benchmarks" / "contenders"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def python(module: str, *options: str) -> Callable[[BenchJob], list[str]]:
    """Return how a Python contender is started for a job."""
    return lambda job: [sys.executable, "-m", f"contenders.{module}", *options, job.name]


def node(job: BenchJob) -> list[str]:
    """Return how sharp is started for a job."""
    return ["node", str(CONTENDERS / "sharp.mjs"), as_json(job)]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the jobs."""

    title: str
    command: Callable[[BenchJob], list[str]]
    missing: Callable[[], bool]
    jobs: Sequence[str] = tuple(job.name for job in JOBS)


def lacks(module: str) -> Callable[[], bool]:
    """Return a test that tells whether a Python module is missing."""
    return lambda: importlib.util.find_spec(module) is None


def lacks_sharp() -> bool:
    """Tell whether Node or sharp is missing."""
    return shutil.which("node") is None or not (ROOT / "benchmarks" / "node_modules" / "sharp").is_dir()


REFERENCE = Contender("Safelight, plain way", python("safelight", "--plain"), lacks("PIL"))
OURS = Contender("Safelight", python("safelight"), lacks("PIL"))
CONTESTANTS = (
    OURS,
    REFERENCE,
    Contender("sharp", node, lacks_sharp),
    Contender("pyvips", python("vips"), lacks("pyvips")),
    Contender("OpenCV", python("opencv"), lacks("cv2")),
    Contender("Pillow, tutorial", python("tutorial"), lacks("PIL")),
    Contender("Luma decode alone", python("luma"), lacks("PIL"), jobs=("default",)),
)


@dataclass(frozen=True, slots=True)
class Score:
    """What one contender took for one job; times in milliseconds an image, sizes in bytes."""

    job: str
    contender: str
    cpu: float
    wall: float
    peak: int
    size: int
    psnr: float | None
    ssim: float | None


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="photographs: JPEG, PNG or WebP")
    parser.add_argument("--jobs", default=",".join(job.name for job in JOBS), help="names, with commas between")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    files = sorted(str(path) for path in asked.folder.resolve().iterdir() if path.suffix.lower() in SUFFIXES)
    present = [contender for contender in CONTESTANTS if not contender.missing()]
    for contender in CONTESTANTS:
        if contender not in present:
            print(f"Not installed, left out: {contender.title}", file=sys.stderr)
    jobs = [job for job in JOBS if job.name in asked.jobs.split(",")]
    scores = [score for job in jobs for score in run_job(job, present, files, asked.rounds)]
    result = {"files": len(files), "rounds": asked.rounds, "scores": [asdict(score) for score in scores]}
    print(json.dumps(result, indent=1))


def run_job(job: BenchJob, contenders: Sequence[Contender], files: Sequence[str], rounds: int) -> list[Score]:
    """Let each contender do one job, in turn, round after round."""
    entered = [contender for contender in contenders if job.name in contender.jobs]
    starts: dict[str, list[Usage]] = {}
    runs: dict[str, list[Usage]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for contender in list(entered):
                out = Path(folder) / contender.title
                out.mkdir(exist_ok=True)
                command = [*contender.command(job), str(out)]
                try:
                    starts.setdefault(contender.title, []).append(measure(command))
                    runs.setdefault(contender.title, []).append(measure([*command, *files]))
                except ProgramFailed as error:
                    print(f"{contender.title} can't do {job.title}: {error}", file=sys.stderr)
                    entered.remove(contender)
        return [
            score(job, contender, Path(folder), starts[contender.title], runs[contender.title]) for contender in entered
        ]


def score(job: BenchJob, contender: Contender, folder: Path, starts: Sequence[Usage], runs: Sequence[Usage]) -> Score:
    """Put one line together."""
    results = sorted((folder / contender.title).iterdir())
    count = len(results)
    size = sum(result.stat().st_size for result in results) // count
    alike = likeness(folder / REFERENCE.title, folder / contender.title) if size else {}
    return Score(
        job=job.name,
        contender=contender.title,
        cpu=(median(run.cpu for run in runs) - median(start.cpu for start in starts)) / count * 1000,
        wall=(median(run.wall for run in runs) - median(start.wall for start in starts)) / count * 1000,
        peak=max(run.peak for run in runs),
        size=size,
        psnr=alike.get("psnr"),
        ssim=alike.get("ssim"),
    )


def likeness(reference: Path, other: Path) -> dict[str, float]:
    """Compare results in a process of their own: numpy must not grow this one."""
    command = [sys.executable, "-m", "similarity", str(reference), str(other)]
    compared = subprocess.run(command, cwd=ROOT / "benchmarks", check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(compared.stdout)
    return found


if __name__ == "__main__":
    main()
