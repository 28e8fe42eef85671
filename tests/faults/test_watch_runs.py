"""Random runs of watches: exactly one job for each version, none lost, whatever fails. And mutants they catch."""

from collections import Counter
from collections.abc import Callable

import pytest
from faults.simulator.functions import Functions
from faults.simulator.mutants import Mutant, parametrize
from faults.simulator.watch_run import WatchRun

import api.watches.catch_up
import api.watches.events
import api.watches.intake
from shared.aws.dynamodb.watches.watch_objects import WatchObjects

#: Runs per test.
CHUNK = 50
#: Runs in which each mutant must be caught.
MUTANT_RUNS = 150
#: Paths that the runs must meet.
SOMETIMES = ("event lost", "event sent", "event sent twice", "delivery", "ends paused")
MUTANTS = (
    Mutant(
        "a mark can be written twice",
        WatchObjects._put,
        '"ConditionExpression": "attribute_not_exists(#ID)"',
        '"ConditionExpression": "attribute_not_exists(#ID) OR attribute_exists(#ID)"',
    ),
    Mutant(
        "a paused watch creates jobs",
        WatchObjects._count,
        " AND attribute_not_exists(#PausedAt)",
        "",
    ),
    Mutant(
        "a catch-up goes on from the end of a page that was not stored",
        api.watches.catch_up.CatchUps._advance,
        "self.intake.accept(watch, chosen)",
        "self.intake.accept(watch, chosen[1:])",
    ),
    Mutant(
        "a closed batch is not replaced",
        api.watches.intake.WatchIntake._renew,
        "self._start(watch, batch.scope, batch, now)",
        "pass",
    ),
    Mutant(
        "marks of a deleted watch stay",
        WatchObjects.forget,
        "map_parallel(lambda part: self._delete(item_id, part), parts)",
        "map_parallel(lambda part: self._delete(item_id, part), parts[1:])",
    ),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one test per chunk of seeds: one run of a watch for ten job runs."""
    if "seeds" in metafunc.fixturenames:
        runs = max(2 * CHUNK, metafunc.config.getoption("--fault-runs") // 10)
        metafunc.parametrize("seeds", [range(at, at + CHUNK) for at in range(0, runs, CHUNK)], ids=str)


def test_every_invariant_holds(
    functions: Functions, seeds: range, record_property: Callable[[str, object], None]
) -> None:
    """Each version has exactly one job, and the counts are exact."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        report = WatchRun(functions, seed).go()
        assert not report.breaches, report
        seen += report.seen
    assert not [what for what in SOMETIMES if not seen[what]], seen
    record_property("shown", f"{len(seeds)} runs of watches: {dict(seen)}")


@parametrize(MUTANTS)
def test_every_mutant_is_caught(functions: Functions, mutant: Mutant) -> None:
    """With one guarantee removed, some run violates an invariant."""
    with mutant.alive():
        assert any(WatchRun(functions, seed).go().breaches for seed in range(MUTANT_RUNS))
