"""The scenarios, what they cost and what follows from AWS's promises."""

from dataclasses import replace

import pytest

from simulation.availability import PATHS, PROMISED, Path, if_outages, if_scattered
from simulation.bounds import bounds, peak
from simulation.cost import afterwards, cost
from simulation.outcome import completions, outcome
from simulation.prices import PRICES
from simulation.scenarios import SCENARIOS
from simulation.settings import Settings
from simulation.tables import agreements, availability, bearing, dollars, hottest, limits, prices, summary
from simulation.times import Times
from simulation.world import Load, World


def finished(load: Load) -> tuple[World, float]:
    """Run a small world on measured times."""
    world = World(Settings.of_template(), Times.on_aws(), load, 1)
    return world, world.run(86_400)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_runs_small_and_ends(name: str) -> None:
    """A scenario of less images ends with none open, and tells what it came to."""
    scenario = SCENARIOS[name].smaller(400)
    if scenario.load.outages:
        scenario = replace(scenario, load=replace(scenario.load, rate=2))
    world = World(Settings.of_template(**scenario.changes), Times.on_aws(), scenario.load, 1)
    found = outcome(world, world.run(scenario.most))
    assert found["pictures"]["pending"] == found["pictures"]["processing"] == 0
    assert found["pictures"]["completed"] == sum(completions(world.jobs, 10).values()) > 0
    for page in (summary, hottest, dollars):
        assert SCENARIOS[name].title in page({name: found})


def test_costs_are_what_was_used_times_its_price() -> None:
    """A thousand members: one GET and two PUTs each, and a request to SQS for each message sent."""
    world, _ = finished(Load(bulk=1_000))
    found = cost(world)
    assert found["S3"] == pytest.approx(2_000 * PRICES["put"].dollars + 1_000 * PRICES["get"].dollars)
    assert found["DynamoDB"] >= 1_000 * 4 * PRICES["write"].dollars
    assert 1_000 * PRICES["queue"].dollars < found["SQS"] < 2_000 * PRICES["queue"].dollars
    assert all(value > 0 for value in {**found, **afterwards()}.values())


def test_slower_functions_cost_more_and_last_longer() -> None:
    """Twice the time for pixels is more money for Lambda, though not twice: transfers take what they did."""
    worlds = [
        World(Settings.of_template(), Times.on_aws(slower=factor), Load(backlog=5_000), 1) for factor in (1.0, 2.0)
    ]
    quick, slow = (world.run(86_400) for world in worlds)
    assert slow > 1.1 * quick
    assert cost(worlds[1])["Lambda"] > 1.2 * cost(worlds[0])["Lambda"]


def test_more_days_load_every_bound_more() -> None:
    """What binds is sorted, and shares grow with the volume."""
    found = bounds(Settings.of_template())
    assert [bound.pictures for bound in found] == sorted(bound.pictures for bound in found)
    assert peak(1e8) == 100 * peak(1e6)
    assert "`ThrottleRate`" in bearing(Settings.of_template())
    wider = {bound.name: bound.pictures for bound in bounds(Settings.of_template(interactive_concurrency=500))}
    before = {bound.name: bound.pictures for bound in found}
    assert wider["`InteractiveConcurrency`"] == pytest.approx(10 * before["`InteractiveConcurrency`"])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_chain_is_no_better_than_its_weakest_part_and_tries_help(path: Path) -> None:
    """Availability of outages is below each part's; scattered faults are survived by trying again."""
    weakest = min(PROMISED[service][0] for service in (*path.direct, *path.retried))
    assert if_outages(path) <= weakest
    assert if_outages(path) <= if_scattered(path) < if_scattered(path, 2)


def test_pages_name_every_figure() -> None:
    """What is printed for the document has each figure, price and promise."""
    assert limits().count("\n") >= 20
    assert prices().count("https://") == len(PRICES)
    assert all(service in agreements() for service in PROMISED)
    assert all(path.name in availability() for path in PATHS)
