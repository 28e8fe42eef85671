"""The runs catch every mutant within the number of runs of CI."""

from collections.abc import Callable

import pytest
from faults.simulator.driver import Run
from faults.simulator.mutants import MUTANTS, Mutant
from faults.simulator.stage import Stage


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_is_caught(
    stage: Stage, mutant: Mutant, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """With one guarantee removed, some run violates an invariant."""
    runs = request.config.getoption("--fault-runs")
    with mutant.alive():
        for seed in range(runs):
            breaches = Run(stage, seed).go().breaches
            if breaches:
                record_property("shown", f"{mutant.name}: caught in run {seed + 1}, {breaches[0]}")
                return
    pytest.fail(f"the mutant has survived {runs} runs")


def test_a_mutant_leaves_no_trace(stage: Stage) -> None:
    """Afterwards the real code is back."""
    with MUTANTS[0].alive():
        pass
    assert not Run(stage, 0).go().breaches
