"""Tests of the scenarios, their costs and the availability from AWS's agreements."""

from dataclasses import replace

import pytest

from simulation.availability import (
    AGREEMENTS,
    REQUEST_PATHS,
    RequestPath,
    compute_outage_availability,
    compute_scattered_availability,
)
from simulation.bounds import compute_bounds, compute_peak_rate
from simulation.cost import compute_cost, compute_follow_up_cost
from simulation.deployment import Deployment, Load
from simulation.durations import Durations
from simulation.markdown import (
    format_agreements,
    format_availability,
    format_bounds,
    format_costs,
    format_limits,
    format_partitions,
    format_prices,
    format_summary,
)
from simulation.prices import PRICES
from simulation.results import collect_results, count_completions
from simulation.scenarios import SCENARIOS
from simulation.settings import Settings


def run_load(load: Load) -> tuple[Deployment, float]:
    """Simulate a small load with measured durations."""
    deployment = Deployment(Settings.from_template(), Durations.on_aws(), load, 1)
    return deployment, deployment.run(86_400)


@pytest.mark.thorough
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_ends_without_open_jobs(name: str) -> None:
    """With fewer images, every scenario ends and its results are printed."""
    scenario = SCENARIOS[name].scale_down(400)
    if scenario.load.outages:
        scenario = replace(scenario, load=replace(scenario.load, rate=2))
    deployment = Deployment(Settings.from_template(**scenario.settings), Durations.on_aws(), scenario.load, 1)
    result = collect_results(deployment, deployment.run(scenario.max_seconds))
    assert result["images"]["pending"] == result["images"]["processing"] == 0
    assert result["images"]["completed"] == sum(count_completions(deployment.jobs, 10).values()) > 0
    for format_results in (format_summary, format_partitions, format_costs):
        assert SCENARIOS[name].title in format_results({name: result})


def test_costs_are_usage_times_price() -> None:
    """A member takes one GET, two PUTs and at least one SQS request."""
    deployment, _ = run_load(Load(bulk=1_000))
    costs = compute_cost(deployment)
    assert costs["S3"] == pytest.approx(2_000 * PRICES["put"].dollars + 1_000 * PRICES["get"].dollars)
    assert costs["DynamoDB"] >= 1_000 * 4 * PRICES["write"].dollars
    assert 1_000 * PRICES["queue"].dollars < costs["SQS"] < 2_000 * PRICES["queue"].dollars
    assert all(value > 0 for value in {**costs, **compute_follow_up_cost()}.values())


@pytest.mark.thorough
def test_slower_functions_cost_more_and_take_longer() -> None:
    """Twice the CPU time is less than twice the cost and duration, because transfers stay the same."""
    deployments = [
        Deployment(Settings.from_template(), Durations.on_aws(slower=factor), Load(backlog=5_000), 1)
        for factor in (1.0, 2.0)
    ]
    quick, slow = (deployment.run(86_400) for deployment in deployments)
    assert slow > 1.1 * quick
    assert compute_cost(deployments[1])["Lambda"] > 1.2 * compute_cost(deployments[0])["Lambda"]


def test_bounds_are_sorted_and_follow_settings() -> None:
    """The lowest bound comes first, and a larger setting raises its bound."""
    bounds = compute_bounds(Settings.from_template())
    assert [bound.images_per_second for bound in bounds] == sorted(bound.images_per_second for bound in bounds)
    assert compute_peak_rate(1e8) == 100 * compute_peak_rate(1e6)
    assert "`ThrottleRate`" in format_bounds(Settings.from_template())
    wider = {
        bound.name: bound.images_per_second
        for bound in compute_bounds(Settings.from_template(interactive_concurrency=500))
    }
    before = {bound.name: bound.images_per_second for bound in bounds}
    assert wider["`InteractiveConcurrency`"] == pytest.approx(10 * before["`InteractiveConcurrency`"])


@pytest.mark.parametrize("path", REQUEST_PATHS, ids=lambda path: path.name)
def test_availability_is_below_the_weakest_service_and_retries_help(path: RequestPath) -> None:
    """With outages, availability is at most that of each service. With scattered faults, retries raise it."""
    weakest = min(AGREEMENTS[service][0] for service in (*path.direct, *path.retried))
    assert compute_outage_availability(path) <= weakest
    assert (
        compute_outage_availability(path)
        <= compute_scattered_availability(path)
        < compute_scattered_availability(path, 2)
    )


def test_tables_contain_every_figure() -> None:
    """The printed tables list all limits, prices and agreements."""
    assert format_limits().count("\n") >= 20
    assert format_prices().count("https://") == len(PRICES)
    assert all(service in format_agreements() for service in AGREEMENTS)
    assert all(path.name in format_availability() for path in REQUEST_PATHS)
