"""Estimate the CPU time, memory and output bytes of a job from numbers of pixels.

The CPU time is a constant per job, plus a cost per pixel of the decoded image, of each operation (of its input or
output, whichever is larger) and of each output. ``benchmarks/calibrate_plan.py`` measured these costs on the bundled
images, as medians on one processor. Queueing and transfers are not included. For an animation, the cost per pixel
counts for each frame. Outputs with the same operations share them. Resizes after the first one start from a larger
variant, so they count with four times the pixels of their result at most.

The memory is what the limits allow for: 120 MiB for the process, 20 bytes per pixel of the largest intermediate image,
and 8 bytes per pixel for each output frame after the first, plus the bytes of the outputs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from shared.errors import OutsideImage
from shared.pipeline.image_formats import AVIF, ImageFormat
from shared.pipeline.operations import Operation
from shared.pipeline.output import Output
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.sizes import Size, compute_size_after

#: Constant CPU time of a job.
JOB_MILLISECONDS: Final = 2.0
BYTES_PER_PIXEL: Final = 20
#: For each output frame after the first. All frames of an animation are in memory until they are written.
FRAME_BYTES_PER_PIXEL: Final = 8
PROCESS_BYTES: Final = 120 * 1024 * 1024
#: Up to how many pixels an AVIF takes which share of the time per pixel (``worker/imaging/encode.py``).
_AVIF_STEPS: Final = ((8e6, 1.0), (24e6, 1 / 3), (float("inf"), 0.12))
#: A variant is made from another one that has at least twice its width and height.
_SHORTCUT_PIXELS: Final = 4


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated CPU time, memory and size of all outputs of a job. Only the order of magnitude is reliable."""

    milliseconds: int
    memory_bytes: int
    result_bytes: int


def estimate(image_format: ImageFormat, size: Size, pipeline: Pipeline, frames: int = 1) -> Estimate:
    """Return the estimate for an image of ``size`` of which ``frames`` frames are processed."""
    shared = trace_sizes(size, pipeline.operations)
    full = shared[-1][1] if shared else size
    nanoseconds = image_format.decode_cost * _count(size) + _sum_costs(pipeline.operations, shared)
    largest = max(map(_count, (size, *(after for _, after in shared))))
    result_bytes, held = 0, 0
    done: set[tuple[Operation, ...]] = set()
    for output in pipeline.expand_outputs(full[0]).outputs:
        steps = trace_sizes(full, output.operations)
        last = steps[-1][1] if steps else full
        if output.operations not in done:
            nanoseconds += _sum_costs(output.operations, steps, shortcut=bool(done))
            done.add(output.operations)
        nanoseconds += _encode_cost(output, _count(last))
        result_bytes += estimate_bytes(output, last, frames)
        largest = max(largest, *map(_count, (after for _, after in steps)), 0)
        held = max(held, _count(last) + (_count(full) if output.operations else 0))
    return Estimate(
        milliseconds=round(JOB_MILLISECONDS + frames * nanoseconds / 1e6),
        memory_bytes=round(
            PROCESS_BYTES + BYTES_PER_PIXEL * largest + FRAME_BYTES_PER_PIXEL * (frames - 1) * held + result_bytes
        ),
        result_bytes=result_bytes,
    )


def estimate_bytes(output: Output, size: Size, frames: int = 1) -> int:
    """Return the estimated bytes of a file with frames of ``size``. ``max_bytes`` is the largest estimate."""
    encoded = round(frames * output.format.image_format.encoded_bytes * _scale_by_quality(output) * _count(size))
    return encoded if output.max_bytes is None else min(encoded, output.max_bytes)


def _scale_by_quality(output: Output) -> float:
    """Return the bytes as a multiple of those with the default quality, interpolated between the measured ones."""
    points = output.format.image_format.bytes_by_quality
    if output.quality is None or not points:
        return 1.0
    for (low, small), (high, large) in pairwise(points):
        if output.quality <= high:
            share = max(0.0, (output.quality - low) / (high - low))
            return float(small * (large / small) ** share)
    return points[-1][1]


def trace_sizes(size: Size, operations: Sequence[Operation]) -> list[tuple[Size, Size]]:
    """Return the sizes before and after each operation. An operation that fails keeps the size."""
    return list(_trace_sizes(size, operations))


def _trace_sizes(size: Size, operations: Sequence[Operation]) -> Iterator[tuple[Size, Size]]:
    for operation in operations:
        before = size
        try:
            size = compute_size_after(size, operation)
        except OutsideImage:
            size = before
        yield before, size


def _sum_costs(operations: Sequence[Operation], steps: Sequence[tuple[Size, Size]], *, shortcut: bool = False) -> float:
    """Return the nanoseconds of operations. With ``shortcut``, the first one starts from a smaller image."""
    total = 0.0
    for index, (operation, (before, after)) in enumerate(zip(operations, steps, strict=True)):
        first = min(_count(before), _SHORTCUT_PIXELS * _count(after)) if shortcut and index == 0 else _count(before)
        total += operation.cost * max(first, _count(after))
    return total


def _encode_cost(output: Output, pixels: int) -> float:
    image_format = output.format.image_format
    share = next(share for most, share in _AVIF_STEPS if pixels <= most) if image_format is AVIF else 1.0
    return image_format.encode_cost * pixels * share


def _count(size: Size) -> int:
    return size[0] * size[1]
