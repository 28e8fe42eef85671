"""The random runs of `make faults` catch every mutant."""

from collections.abc import Callable

import pytest
from faults.simulator.functions import Functions
from faults.simulator.mutants import MUTANTS, Mutant, parametrize
from faults.simulator.random_run import Run

#: The runs of `make faults`.
RUNS = 10_000


@parametrize(MUTANTS)
def test_every_mutant_is_caught(
    functions: Functions, mutant: Mutant, record_property: Callable[[str, object], None]
) -> None:
    """With one guarantee removed, some run violates an invariant."""
    with mutant.alive():
        for seed in mutant.seeds(RUNS):
            breaches = Run(functions, seed).go().breaches
            if breaches:
                record_property("shown", f"{mutant.name}: caught by seed {seed}, {breaches[0]}")
                return
    pytest.fail(f"the mutant has survived {RUNS} runs")


def test_a_mutant_leaves_no_trace(functions: Functions) -> None:
    """Afterwards the real code is back."""
    with MUTANTS[0].alive():
        pass
    assert not Run(functions, 0).go().breaches
