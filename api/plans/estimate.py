"""Estimate CPU time and memory of a job from the number of pixels.

Time is a constant per job, plus nanoseconds per pixel that is decoded, per pixel of the larger of input and output of
each operation, and per pixel of each output. The costs are medians of ``benchmarks/calibrate_plan.py`` on the bundled
images, in CPU time of one processor without queueing and transfers. Memory is the budget that the limits are based on:
120 MiB for the process and 20 bytes per pixel of the largest intermediate image. An animation has these costs for each
frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.pipeline.image_formats import ImageFormat
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.sizes import Size

#: Constant cost of a job.
JOB_MILLISECONDS: Final = 2.0
BYTES_PER_PIXEL: Final = 20
#: Per additional frame of a result; all frames of an animation are in memory until they are written.
FRAME_BYTES_PER_PIXEL: Final = 8
PROCESS_BYTES: Final = 120 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated cost of a job, by order of magnitude."""

    milliseconds: int
    memory_bytes: int


def estimate(
    image_format: ImageFormat,
    size: Size,
    pipeline: Pipeline,
    sizes: Sequence[tuple[Size, Size]],
    frames: int = 1,
) -> Estimate:
    """Return the estimate for an image of ``size``; ``sizes`` are the sizes before and after each operation."""
    nanoseconds = image_format.decode_cost * _pixels(size)
    for operation, (before, after) in zip(pipeline.operations, sizes, strict=False):
        nanoseconds += operation.cost * max(_pixels(before), _pixels(after))
    last = sizes[-1][1] if sizes else size
    nanoseconds += sum(output.format.image_format.encode_cost * _pixels(last) for output in pipeline.outputs)
    largest = max(_pixels(each) for each in (size, *(after for _, after in sizes)))
    return Estimate(
        milliseconds=round(JOB_MILLISECONDS + frames * nanoseconds / 1e6),
        memory_bytes=PROCESS_BYTES + BYTES_PER_PIXEL * largest + FRAME_BYTES_PER_PIXEL * (frames - 1) * _pixels(last),
    )


def _pixels(size: Size) -> int:
    return size[0] * size[1]
