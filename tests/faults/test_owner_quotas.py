"""Random runs with limits per owner: the counts of open jobs are exact, whatever is killed, lost or repeated."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from faults.simulator.functions import Functions
from faults.simulator.mutants import MUTANTS
from faults.simulator.random_run import Run
from faults.simulator.settings import Blueprint

#: Runs with and without ``--thorough``.
RUNS = {True: 150, False: 50}


@pytest.fixture
def limited() -> Iterator[Functions]:
    """Install the functions with a limit on open jobs that no run reaches."""
    blueprint = Blueprint.read()
    defaults = {**blueprint.defaults, "OwnerOpenJobs": "1000", "OwnerDailyBytes": "1000000000000"}
    functions = Functions(replace(blueprint, defaults=defaults))
    with functions.install():
        yield functions


def count_jobs(run: Run) -> tuple[int, int]:
    """Return how many jobs were counted as opened and as closed."""
    counts = {item["Part"]["S"]: int(item["Count"]["N"]) for item in run.world.batches.values() if "Count" in item}
    return counts.pop("opened", 0), sum(counts.values())


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> range:
    """Return the seeds of the runs."""
    return range(RUNS[request.config.getoption("--thorough")])


def test_counts_are_exact_under_faults(limited: Functions, seeds: range) -> None:
    """When every job has ended, as many were closed as were opened, and no job with a record was left out."""
    total = 0
    for seed in seeds:
        run = Run(limited, seed)
        report = run.go()
        assert not report.breaches, report
        opened, closed = count_jobs(run)
        assert opened == closed, f"seed {seed}: {opened} opened, {closed} closed"
        assert opened >= len(run.world.jobs), f"seed {seed}: {opened} opened, {len(run.world.jobs)} jobs"
        total += opened
    assert total > len(seeds)


def test_a_count_outside_of_its_transaction_is_found(limited: Functions, seeds: range) -> None:
    """The test above can fail: if a kill can separate a transition from its count, the counts differ."""
    (mutant,) = [each for each in MUTANTS if each.name == "member counted outside of the transaction that moves it"]
    with mutant.alive():
        for seed in seeds:
            run = Run(limited, seed)
            run.go()
            opened, closed = count_jobs(run)
            if opened != closed:
                return
    pytest.fail("the counts were equal in every run")
