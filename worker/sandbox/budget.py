"""Limits of a child process, and the number of children."""

from dataclasses import dataclass
from typing import Final, Self

from worker.imaging import Limits

MIB: Final = 1024 * 1024
#: Peak memory per source pixel of decoding, one conversion, resizing and encoding: 16 bytes for lossless WebP, the
#: highest of all measured formats, plus 25 %.
BYTES_PER_PIXEL: Final = 20
#: Memory per image of any size: codecs, tables, results.
FIXED_BYTES: Final = 120 * MIB
#: Minimum for the worker itself and for images in transfer.
PARENT_BYTES: Final = 256 * MIB
#: Memory of an idle child, and half that of the worker. ``benchmarks/overlap.py`` prints both.
BASE_BYTES: Final = 64 * MIB
#: Lambda provides one processor per this much memory, although it shows at least two.
PROCESSOR_MIB: Final = 1769


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of one child."""

    #: Address space in addition to that of an idle child.
    memory_bytes: int
    #: Per record, both CPU time and wall-clock time.
    seconds: int
    #: Total size of all outputs of one record.
    answer_bytes: int

    @classmethod
    def of(cls, limits: Limits, *, memory_mib: int, children: int, seconds: int) -> Self:
        """Return the budget for an image at its limits, capped by the child's share of the function's memory.

        ``memory_mib`` is the memory of the whole function.
        """
        needed = BYTES_PER_PIXEL * limits.max_pixels + FIXED_BYTES + limits.max_bytes
        available = (memory_mib * MIB - PARENT_BYTES) // children - BASE_BYTES
        return cls(memory_bytes=min(needed, available), seconds=seconds, answer_bytes=2 * limits.max_bytes)


def count_children(*, memory_mib: int, processors: int) -> int:
    """Return the number of children: one per whole processor that the memory buys, at least one."""
    return max(1, min(processors, memory_mib // PROCESSOR_MIB))


def compute_raw_memory(budget: Budget, *, memory_mib: int, children: int) -> int:
    """Return the bytes for raw images in transfer: half of the remaining memory. Results need the other half."""
    used = 2 * BASE_BYTES + children * (budget.memory_bytes + BASE_BYTES)
    return (memory_mib * MIB - used) // 2
