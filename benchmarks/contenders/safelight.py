"""Safelight's imaging code as the worker calls it.

``--plain`` disables the planner, and ``--kernel=NAME`` resizes with another of ``worker.imaging.operations.kernels``.
"""

import sys

from bench_jobs import BenchJob
from contenders.loop import run

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render
from worker.imaging.operations import kernels
from worker.imaging.planner import make_plan, make_unoptimized_plan

LIMITS = Limits(max_bytes=500_000_000, max_pixels=500_000_000, max_side=50_000)
PLANNER = make_unoptimized_plan if "--plain" in sys.argv else make_plan


def create_pipeline(job: BenchJob) -> Pipeline:
    """Return the pipeline of a job. Raises pydantic's ValidationError if the job is not supported."""
    operations: list[dict[str, object]] = [{"op": "resize", "width": job.width, "height": job.height, "fit": job.fit}]
    if job.gray:
        operations.append({"op": "grayscale"})
    if job.mark:
        operations.append({"op": "watermark", "text": job.mark})
    output = {"format": job.format} | ({"quality": job.quality} if job.quality else {})
    return Pipeline.model_validate({"operations": operations, "output": output})


def process(data: bytes, job: BenchJob) -> bytes:
    """Process one image."""
    return render(data, create_pipeline(job), LIMITS, planner=PLANNER).outputs[0][1].data


if __name__ == "__main__":
    for argument in sys.argv:
        if argument.startswith("--kernel="):
            name = argument.removeprefix("--kernel=")
            kernels.KERNELS = {name: kernels.KERNELS[name]}  # type: ignore[misc] # only this process uses another one
    sys.argv = [argument for argument in sys.argv if not argument.startswith(("--plain", "--kernel"))]
    run(process)
