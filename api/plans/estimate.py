"""How long a job would take and how much memory it would need: a model of pixels, and no more than that.

Time is a sum: what every job costs, then nanoseconds for each pixel that is decoded, for each pixel that an
operation reads or writes (whichever are more) and for each pixel of each output. The figures are CPU time on one
processor, medians of what ``benchmarks/calibrate_plan.py`` measures on the bundled photographs; waiting in the
queue and transfers are not in it. Memory is the budget that limits are set by: 20 bytes for each pixel of the
largest image on the way, and 120 MiB for the process; an animation costs each of these for each frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.pipeline.image_formats import ImageFormat
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.sizes import Size

#: What a job costs however small its image is.
JOB_MILLISECONDS: Final = 2.0
BYTES_PER_PIXEL: Final = 20
#: For each further frame of a result: all frames of an animation are held until they are written.
FRAME_BYTES_PER_PIXEL: Final = 8
PROCESS_BYTES: Final = 120 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Estimate:
    """Orders of magnitude, not promises."""

    milliseconds: int
    memory_bytes: int


def estimate(
    image_format: ImageFormat,
    size: Size,
    pipeline: Pipeline,
    sizes: Sequence[tuple[Size, Size]],
    frames: int = 1,
) -> Estimate:
    """Estimate a job on an image of ``size``; ``sizes`` are those before and after each operation."""
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
