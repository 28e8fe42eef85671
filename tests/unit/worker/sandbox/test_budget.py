"""Budgets of children, and their number."""

import pytest
from support.sandboxes import LIMITS

from worker.sandbox.budget import BASE_BYTES, FIXED_BYTES, MIB, Budget, compute_raw_memory, count_children


def test_a_child_s_memory_covers_the_limits() -> None:
    """20 bytes per allowed pixel, a fixed part, and the file."""
    budget = Budget.of(LIMITS, memory_mib=2048, children=1, cpu_seconds=15)
    assert budget.memory_bytes == 20 * LIMITS.max_pixels + FIXED_BYTES + LIMITS.max_bytes


@pytest.mark.parametrize("memory_mib", [512, 1024, 2048, 3538, 10_240])
@pytest.mark.parametrize("processors", [1, 2, 6])
def test_all_budgets_fit_into_the_function(memory_mib: int, processors: int) -> None:
    """Children, worker and images in transfer together."""
    children = count_children(memory_mib=memory_mib, processors=processors)
    budget = Budget.of(LIMITS, memory_mib=memory_mib, children=children, cpu_seconds=15)
    room = compute_raw_memory(budget, memory_mib=memory_mib, children=children)
    assert room > 0
    whole = children * (budget.memory_bytes + BASE_BYTES) + 2 * BASE_BYTES + 2 * room
    assert whole <= memory_mib * MIB


@pytest.mark.parametrize(
    ("memory_mib", "processors", "children"),
    [(512, 2, 1), (1769, 2, 1), (2048, 2, 1), (3538, 2, 2), (10_240, 6, 5), (10_240, 2, 2)],
)
def test_there_is_one_child_per_whole_processor(memory_mib: int, processors: int, children: int) -> None:
    """Lambda shows two processors even to the smallest function; the memory decides."""
    assert count_children(memory_mib=memory_mib, processors=processors) == children
