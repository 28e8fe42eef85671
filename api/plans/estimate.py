"""Estimate the CPU time and memory of a job from numbers of pixels.

The CPU time is a constant per job, plus a cost per pixel of the decoded image, of each operation (of its input or
output, whichever is larger) and of each output. ``benchmarks/calibrate_plan.py`` measured these costs on the bundled
images, as medians on one processor. Queueing and transfers are not included. For an animation, the cost per pixel
counts for each frame.

The memory is what the limits allow for: 120 MiB for the process, 20 bytes per pixel of the largest intermediate image,
and 8 bytes per pixel for each output frame after the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.pipeline.image_formats import ImageFormat
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.sizes import Size

#: Constant CPU time of a job.
JOB_MILLISECONDS: Final = 2.0
BYTES_PER_PIXEL: Final = 20
#: For each output frame after the first. All frames of an animation are in memory until they are written.
FRAME_BYTES_PER_PIXEL: Final = 8
PROCESS_BYTES: Final = 120 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated CPU time and memory of a job. Only the order of magnitude is reliable."""

    milliseconds: int
    memory_bytes: int


def estimate(
    image_format: ImageFormat,
    size: Size,
    pipeline: Pipeline,
    sizes: Sequence[tuple[Size, Size]],
    frames: int = 1,
) -> Estimate:
    """Return the estimate for an image of ``size``. ``sizes`` has the sizes before and after each operation."""
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
