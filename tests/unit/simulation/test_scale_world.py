"""The scale model as a whole loses no job, ends every one as the real functions would, and can be repeated."""

from dataclasses import replace

import pytest

from simulation.draws import between, fixed
from simulation.jobs import Poison, State
from simulation.limits import limit
from simulation.settings import Settings
from simulation.times import Times
from simulation.world import Load, World

TIMES = Times(
    render=between(0.05, 0.15),
    refuse=fixed(0.01),
    accept=fixed(0.02),
    overhead=fixed(0.01),
    transfer=between(0.1, 0.2),
    dispatch=fixed(0.03),
    cold_start=fixed(1),
)
DAY = 86_400
LOADS = {
    "singles": Load(rate=20, seconds=60),
    "a batch": Load(bulk=1_500),
    "a backlog beside singles": Load(rate=5, seconds=60, backlog=3_000),
    "an outage": Load(rate=10, seconds=60, backlog=2_000, outages=((1, 601),)),
    "bad pictures": Load(backlog=2_000, poison=(Poison.BAD, 0.05)),
    "dying children": Load(backlog=2_000, poison=(Poison.KILLS_CHILD, 0.05)),
    "dying workers": Load(backlog=1_000, poison=(Poison.KILLS_WORKER, 0.02)),
    "more than the gateway takes": Load(rate=1_500, seconds=3),
}


def run(load: Load, *, seed: int = 3, **changes: int) -> World:
    """Run a small world to its end."""
    world = World(Settings.of_template(**changes), TIMES, load, seed)
    world.run(DAY)
    return world


@pytest.mark.parametrize("name", LOADS)
def test_every_picture_is_accounted_for(name: str) -> None:
    """Offered is accepted and given up; accepted is completed, failed, dead and open; so with messages."""
    world = run(LOADS[name])
    assert world.asked.offered == world.asked.accepted + world.asked.given_up
    assert world.asked.accepted == len(world.jobs) == sum(world.jobs.counts)
    assert [world.jobs.counts[state] for state in State] == [list(world.jobs.state).count(state) for state in State]
    for queue in (world.interactive, world.bulk, world.dead):
        assert queue.sent == queue.deleted + queue.died + len(queue.visible) + queue.hidden
    assert world.dead.sent == world.interactive.died + world.bulk.died
    assert world.jobs.open == 0


@pytest.mark.parametrize("name", LOADS)
def test_the_same_seed_gives_the_same_run_and_another_one_another(name: str) -> None:
    """A run can be repeated to the last moment."""
    first, second, other = run(LOADS[name]), run(LOADS[name]), run(LOADS[name], seed=4)
    assert first.jobs.ended == second.jobs.ended
    assert first.gauges.series == second.gauges.series
    assert first.jobs.ended != other.jobs.ended


@pytest.mark.parametrize("name", LOADS)
def test_a_run_that_is_cut_off_still_adds_up(name: str) -> None:
    """In the middle of a run some jobs are open, and none is missing."""
    world = World(Settings.of_template(), TIMES, LOADS[name], 3)
    world.run(10)
    assert world.jobs.open > 0
    assert sum(world.jobs.counts) == len(world.jobs) == world.asked.accepted


def test_an_outage_of_s3_costs_time_and_no_job() -> None:
    """Attempts that a service failed do not count: all that was accepted completes."""
    world = run(LOADS["an outage"])
    assert world.jobs.counts[State.COMPLETED] == len(world.jobs)
    assert world.asked.faults > 0
    assert world.bulk.died > 0, "messages died, and their jobs were told again"


def test_a_picture_that_is_refused_fails_at_once_and_alone() -> None:
    """Each bad image ends FAILED by its first attempt, each other one completes by its own."""
    for name in ("bad pictures", "dying children"):
        jobs = run(LOADS[name]).jobs
        for job in range(len(jobs)):
            expected = State.FAILED if jobs.poison[job] else State.COMPLETED
            assert (jobs.state[job], jobs.attempts[job]) == (expected, 1)


def test_what_kills_workers_is_given_up_after_its_attempts() -> None:
    """No such image completes or goes on for ever, and none is given up before it has had its attempts."""
    world = run(LOADS["dying workers"])
    jobs = world.jobs
    killers = [job for job in range(len(jobs)) if jobs.poison[job]]
    assert killers
    assert {jobs.state[job] for job in killers} == {State.DEAD}
    assert min(jobs.attempts[job] for job in killers) >= world.settings.max_receives


def test_a_delivery_takes_as_long_as_its_slowest_part() -> None:
    """Ten images, one child, transfers ahead: ten renderings and what the first and last have around them."""
    times = replace(TIMES, render=fixed(1.0), transfer=fixed(0.1), overhead=fixed(0), cold_start=fixed(0))
    world = World(Settings.of_template(), times, Load(backlog=10), 1)
    world.run(DAY)
    claim = commit = limit("table_latency")
    # Dispatch, claim and fetch of the first, ten renderings, storing and committing the last.
    expected = 0.03 + claim + 0.1 + 10 * 1.0 + 0.1 + commit
    assert max(world.jobs.ended) == pytest.approx(expected, abs=1e-6)


def test_a_job_whose_message_waits_too_long_is_told_again_in_its_own_lane() -> None:
    """A backlog longer than RedispatchSeconds brings hints twice, and every job still ends once."""
    slow = replace(TIMES, render=fixed(2.0))
    world = World(Settings.of_template(bulk_concurrency=2), slow, Load(backlog=2_500), 1)
    world.run(DAY)
    assert world.reconciler.swept > 0
    assert world.interactive.sent == 0
    assert world.jobs.counts[State.COMPLETED] == 2_500
    assert set(world.jobs.attempts) == {1}


def test_one_batch_is_bound_by_the_partition_of_its_counts() -> None:
    """With all the concurrency that there is, one batch's members end at half of a partition's writes a second."""
    times = replace(TIMES, render=fixed(0.05))
    world = World(Settings.of_template(bulk_concurrency=1_000), times, Load(backlog=60_000, warm=20_000), 1)
    world.run(DAY)
    assert world.table.counts[0].most == limit("partition_writes")
    ended = sorted(world.jobs.ended)
    busiest = max(sum(1 for at in ended if second <= at < second + 1) for second in range(0, 120, 10))
    assert busiest <= limit("partition_writes") / 2
