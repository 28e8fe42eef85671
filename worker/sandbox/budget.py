"""Limits of a child process, and the number of children."""

from dataclasses import dataclass
from typing import Final, Self

from worker.imaging import Limits

MIB: Final = 1024 * 1024
#: Peak memory in bytes per source pixel, for decoding, one conversion, resizing and encoding. Lossless WebP needs the
#: most of all measured formats, 16 bytes. This is 25 % more.
BYTES_PER_PIXEL: Final = 20
#: Memory that an image of any size needs for codecs, tables and outputs.
FIXED_BYTES: Final = 120 * MIB
#: Memory reserved for the worker's own process and for images in transfer.
PARENT_BYTES: Final = 256 * MIB
#: Memory of an idle child. The worker's own process needs twice as much. ``benchmarks/overlap.py`` prints both.
BASE_BYTES: Final = 64 * MIB
#: MiB of function memory for which Lambda provides one processor. A function always sees at least two processors.
PROCESSOR_MIB: Final = 1769

#: Wall-clock time per CPU time for which the worker waits, if the invocation does not end before.
WALL_FACTOR: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of one child."""

    #: Address space in addition to that of an idle child.
    memory_bytes: int
    #: CPU time for one image.
    cpu_seconds: int
    #: Wall-clock time for one image. Much longer, because a child that gets too little CPU time is not at fault.
    wall_seconds: int
    #: Maximum total size of all outputs of one image.
    answer_bytes: int

    @classmethod
    def of(cls, limits: Limits, *, memory_mib: int, children: int, cpu_seconds: int) -> Self:
        """Return a budget that is sufficient for the largest image that ``limits`` allows.

        The memory is at most the child's share of ``memory_mib``, which is the memory of the whole function.
        """
        needed = BYTES_PER_PIXEL * limits.max_pixels + FIXED_BYTES + limits.max_bytes
        available = (memory_mib * MIB - PARENT_BYTES) // children - BASE_BYTES
        return cls(
            memory_bytes=min(needed, available),
            cpu_seconds=cpu_seconds,
            wall_seconds=WALL_FACTOR * cpu_seconds,
            answer_bytes=2 * limits.max_bytes,
        )


def count_children(*, memory_mib: int, processors: int) -> int:
    """Return the number of children: one for each full processor that Lambda provides for the memory, at least one."""
    return max(1, min(processors, memory_mib // PROCESSOR_MIB))


def compute_raw_memory(budget: Budget, *, memory_mib: int, children: int) -> int:
    """Return how many bytes raw images in transfer may use: half of the memory that remains.

    The other half is for outputs in transfer.
    """
    used = 2 * BASE_BYTES + children * (budget.memory_bytes + BASE_BYTES)
    return (memory_mib * MIB - used) // 2
