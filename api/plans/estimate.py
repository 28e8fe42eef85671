"""How long a job would take and how much memory it would need: a model of pixels, and no more than that.

Time is a sum: what every job costs, then nanoseconds for each pixel that is decoded, for each pixel that an
operation reads or writes (whichever are more) and for each pixel of each output. The figures are CPU time on one
processor, medians of what ``benchmarks/calibrate_plan.py`` measures on the bundled photographs; waiting in the
queue and transfers are not in it. Memory is the budget that limits are set by: 20 bytes for each pixel of the
largest image on the way, and 120 MiB for the process; an animation costs each of these for each frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.pipeline.image_formats import ImageFormat
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.sizes import Size

#: What a job costs however small its image is.
JOB_MILLISECONDS: Final = 2.0
#: Nanoseconds a pixel, by the name of the raw image's format.
DECODE: Final[Mapping[str, float]] = {
    "JPEG": 4.8,
    "PNG": 25.7,
    "WEBP": 12.9,
    "GIF": 8.3,
    "TIFF": 2.1,
    "BMP": 1.8,
    "AVIF": 18.1,
}
#: Nanoseconds a pixel, by ``op``, on opaque photographs.
OPERATIONS: Final[Mapping[str, float]] = {
    "resize": 9.3,
    "crop": 3.9,
    "rotate": 47.0,
    "flip": 0.5,
    "trim": 3.5,
    "pad": 1.6,
    "grayscale": 0.7,
    "adjust": 5.7,
    "background": 0.0,
    "blur": 22.9,
    "sharpen": 29.3,
    "round_corners": 3.8,
    "watermark": 8.1,
}
#: Nanoseconds a pixel, by the output's format.
ENCODE: Final[Mapping[str, float]] = {
    "png": 214.2,
    "jpeg": 14.5,
    "webp": 37.9,
    "avif": 540.6,
    "gif": 103.3,
    "tiff": 62.1,
}
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
    nanoseconds = DECODE[image_format.name] * _pixels(size)
    for operation, (before, after) in zip(pipeline.operations, sizes, strict=False):
        nanoseconds += OPERATIONS[operation.op] * max(_pixels(before), _pixels(after))
    last = sizes[-1][1] if sizes else size
    nanoseconds += sum(ENCODE[output.format.value] * _pixels(last) for output in pipeline.outputs)
    largest = max(_pixels(each) for each in (size, *(after for _, after in sizes)))
    return Estimate(
        milliseconds=round(JOB_MILLISECONDS + frames * nanoseconds / 1e6),
        memory_bytes=PROCESS_BYTES + BYTES_PER_PIXEL * largest + FRAME_BYTES_PER_PIXEL * (frames - 1) * _pixels(last),
    )


def _pixels(size: Size) -> int:
    return size[0] * size[1]
