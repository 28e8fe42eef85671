"""Safelight's own render, as the worker calls it."""

import sys

from contenders.loop import run
from contest import BenchJob

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render
from worker.imaging.planner import plan, plan_unoptimized

LIMITS = Limits(max_bytes=500_000_000, max_pixels=500_000_000, max_side=50_000)
PLANNER = plan_unoptimized if "--plain" in sys.argv else plan


def pipeline_of(job: BenchJob) -> Pipeline:
    """Return a job as a client would ask for it. Raises pydantic's ValidationError for what isn't offered."""
    operations: list[dict[str, object]] = [{"op": "resize", "width": job.width, "height": job.height, "fit": job.fit}]
    if job.gray:
        operations.append({"op": "grayscale"})
    if job.mark:
        operations.append({"op": "watermark", "text": job.mark})
    output = {"format": job.format} | ({"quality": job.quality} if job.quality else {})
    return Pipeline.model_validate({"operations": operations, "output": output})


def process(data: bytes, job: BenchJob) -> bytes:
    """Do one job."""
    return render(data, pipeline_of(job), LIMITS, planner=PLANNER).outputs[0][1].data


if __name__ == "__main__":
    sys.argv = [argument for argument in sys.argv if argument != "--plain"]
    run(process)
