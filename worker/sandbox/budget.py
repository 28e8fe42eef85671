"""What a child may use, and how many children fit: arithmetic alone."""

from dataclasses import dataclass
from typing import Final, Self

from worker.imaging import Limits

MIB: Final = 1024 * 1024
#: Peak of decode, one conversion, resize and encode for each source pixel: 16 for lossless WebP, the most of all
#: formats that were measured, and a quarter more.
BYTES_PER_PIXEL: Final = 20
#: What an image costs whatever its size: codecs, tables, results.
FIXED_BYTES: Final = 120 * MIB
#: Kept for the worker itself and for images on their way, at the least.
PARENT_BYTES: Final = 256 * MIB
#: What a child holds when it is ready, and half of what the worker does; ``benchmarks/overlap.py`` prints both.
BASE_BYTES: Final = 64 * MIB
#: Lambda gives one processor for each so many MiB of memory, though it shows at least two.
PROCESSOR_MIB: Final = 1769


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limits of one child."""

    #: Address space beyond what the child holds when it is ready.
    memory_bytes: int
    #: For one record: of the processor, and on the wall clock.
    seconds: int
    #: Most bytes of all outputs of one record together.
    answer_bytes: int

    @classmethod
    def of(cls, limits: Limits, *, memory_mib: int, children: int, seconds: int) -> Self:
        """Give each child what an image at its limits needs, and no more than the function has for it.

        ``memory_mib`` is the memory of the whole function.
        """
        needed = BYTES_PER_PIXEL * limits.max_pixels + FIXED_BYTES + limits.max_bytes
        there = (memory_mib * MIB - PARENT_BYTES) // children - BASE_BYTES
        return cls(memory_bytes=min(needed, there), seconds=seconds, answer_bytes=2 * limits.max_bytes)


def count_children(*, memory_mib: int, processors: int) -> int:
    """Return how many children can run at once: one for each whole processor that the memory buys."""
    return max(1, min(processors, memory_mib // PROCESSOR_MIB))


def compute_raw_memory(budget: Budget, *, memory_mib: int, children: int) -> int:
    """Return how many bytes of raw images may be on their way: half of what is left, for their results too."""
    taken = 2 * BASE_BYTES + children * (budget.memory_bytes + BASE_BYTES)
    return (memory_mib * MIB - taken) // 2
