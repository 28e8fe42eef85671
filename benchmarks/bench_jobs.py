"""The jobs that ``benchmarks/pixels.py`` runs with every contender.

Python contenders import this module. ``benchmarks/contenders/sharp.mjs`` reads a job as JSON.
"""

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchJob:
    """A job with a resize, optional operations and one output."""

    name: str
    title: str
    width: int
    height: int
    fit: Literal["inside", "cover"] = "inside"
    gray: bool = False
    #: Text of the watermark in the lower right corner. If empty, there is no watermark.
    mark: str = ""
    format: Literal["png", "jpeg", "webp", "avif"]
    quality: int | None = None


JOBS: Final = (
    BenchJob(name="default", title="Fit 1024, gray, PNG", width=1024, height=1024, gray=True, format="png"),
    BenchJob(
        name="thumbnail", title="Cover 256, JPEG 80", width=256, height=256, fit="cover", format="jpeg", quality=80
    ),
    BenchJob(name="web", title="Fit 1600, WebP 80", width=1600, height=1600, format="webp", quality=80),
    BenchJob(name="watermark", title="Fit 1024, text, PNG", width=1024, height=1024, mark="Safelight", format="png"),
    BenchJob(name="avif", title="Fit 800, AVIF 60", width=800, height=800, format="avif", quality=60),
)
BY_NAME: Final = {job.name: job for job in JOBS}


def to_json(job: BenchJob) -> str:
    """Return a job as JSON for a contender that does not run in Python."""
    return json.dumps(asdict(job))
