"""Tests of whole simulation runs: no job is lost, every job ends, and runs are repeatable."""

from dataclasses import replace

import pytest

from simulation.deployment import Deployment, Load
from simulation.distributions import constant, uniform
from simulation.durations import Durations
from simulation.jobs import Defect, State
from simulation.limits import get_limit
from simulation.settings import Settings

DURATIONS = Durations(
    render=uniform(0.05, 0.15),
    reject=constant(0.01),
    accept=constant(0.02),
    overhead=constant(0.01),
    transfer=uniform(0.1, 0.2),
    dispatch=constant(0.03),
    cold_start=constant(1),
)
DAY = 86_400
LOADS = {
    "singles": Load(rate=20, seconds=60),
    "a batch": Load(bulk=1_500),
    "a backlog and singles": Load(rate=5, seconds=60, backlog=3_000),
    "an outage": Load(rate=10, seconds=60, backlog=2_000, outages=((1, 601),)),
    "invalid images": Load(backlog=2_000, defect=(Defect.INVALID, 0.05)),
    "crashing children": Load(backlog=2_000, defect=(Defect.CRASHES_CHILD, 0.05)),
    "crashing workers": Load(backlog=1_000, defect=(Defect.CRASHES_WORKER, 0.02)),
    "throttled singles": Load(rate=1_500, seconds=3),
}
#: Loads that also run without ``--thorough``.
QUICK = {"a batch"}
EACH_LOAD = pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[] if each in QUICK else [pytest.mark.thorough]) for each in LOADS]
)


def run(load: Load, *, seed: int = 3, **changes: int) -> Deployment:
    """Simulate a small load to its end."""
    deployment = Deployment(Settings.from_template(**changes), DURATIONS, load, seed)
    deployment.run(DAY)
    return deployment


@pytest.mark.parametrize("name", LOADS)
def test_every_image_and_message_is_accounted_for(name: str) -> None:
    """The counts of images, jobs, states and messages add up."""
    deployment = run(LOADS[name])
    assert deployment.counts.offered == deployment.counts.accepted + deployment.counts.abandoned
    assert deployment.counts.accepted == len(deployment.jobs) == sum(deployment.jobs.counts)
    assert [deployment.jobs.counts[state] for state in State] == [
        list(deployment.jobs.state).count(state) for state in State
    ]
    for queue in (deployment.interactive, deployment.bulk, deployment.dead_letter_queue):
        assert queue.sent == queue.deleted + queue.dead_letters + len(queue.visible) + queue.hidden
    assert deployment.dead_letter_queue.sent == deployment.interactive.dead_letters + deployment.bulk.dead_letters
    assert deployment.jobs.open == 0


@pytest.mark.thorough
@EACH_LOAD
def test_same_seed_repeats_a_run_and_another_seed_does_not(name: str) -> None:
    """All times and samples are equal."""
    first, second, other = run(LOADS[name]), run(LOADS[name]), run(LOADS[name], seed=4)
    assert first.jobs.ended == second.jobs.ended
    assert first.gauges.series == second.gauges.series
    assert first.jobs.ended != other.jobs.ended


@EACH_LOAD
def test_counts_add_up_in_an_unfinished_run(name: str) -> None:
    """During a run, some jobs are open and none is missing."""
    deployment = Deployment(Settings.from_template(), DURATIONS, LOADS[name], 3)
    deployment.run(10)
    assert deployment.jobs.open > 0
    assert sum(deployment.jobs.counts) == len(deployment.jobs) == deployment.counts.accepted


def test_s3_outage_loses_no_job() -> None:
    """Attempts that end by a service fault are uncounted, and every accepted job completes."""
    deployment = run(LOADS["an outage"])
    assert deployment.jobs.counts[State.COMPLETED] == len(deployment.jobs)
    assert deployment.counts.faults > 0
    assert deployment.bulk.dead_letters > 0, "dead letters were requeued"


@pytest.mark.thorough
def test_rejected_images_fail_in_their_first_attempt() -> None:
    """Each defective image fails in its first attempt, and all others complete in theirs."""
    for name in ("invalid images", "crashing children"):
        jobs = run(LOADS[name]).jobs
        for job in range(len(jobs)):
            expected = State.FAILED if jobs.defect[job] else State.COMPLETED
            assert (jobs.state[job], jobs.attempts[job]) == (expected, 1)


def test_images_that_crash_workers_end_after_their_attempts() -> None:
    """Each of them ends DEAD after at least ``MaxReceiveCount`` attempts."""
    deployment = run(LOADS["crashing workers"])
    jobs = deployment.jobs
    crashing = [job for job in range(len(jobs)) if jobs.defect[job]]
    assert crashing
    assert {jobs.state[job] for job in crashing} == {State.DEAD}
    assert min(jobs.attempts[job] for job in crashing) >= deployment.settings.max_receives


def test_delivery_takes_as_long_as_its_slowest_step() -> None:
    """Ten images with one child take ten renders plus the first download and the last upload."""
    times = replace(
        DURATIONS, render=constant(1.0), transfer=constant(0.1), overhead=constant(0), cold_start=constant(0)
    )
    deployment = Deployment(Settings.from_template(), times, Load(backlog=10), 1)
    deployment.run(DAY)
    claim = commit = get_limit("table_latency")
    # Dispatch, claim and download of the first, ten renders, upload and commit of the last.
    expected = 0.03 + claim + 0.1 + 10 * 1.0 + 0.1 + commit
    assert max(deployment.jobs.ended) == pytest.approx(expected, abs=1e-6)


def test_overdue_jobs_are_requeued_in_their_own_queue() -> None:
    """With a backlog longer than RedispatchSeconds, messages are sent again and each job completes once."""
    slow = replace(DURATIONS, render=constant(2.0))
    deployment = Deployment(Settings.from_template(bulk_concurrency=2), slow, Load(backlog=2_500), 1)
    deployment.run(DAY)
    assert deployment.reconciler.requeued > 0
    assert deployment.interactive.sent == 0
    assert deployment.jobs.counts[State.COMPLETED] == 2_500
    assert set(deployment.jobs.attempts) == {1}


@pytest.mark.thorough
def test_counters_limit_the_throughput_of_one_batch() -> None:
    """Members of one batch complete at no more than half of a partition's write units per second."""
    times = replace(DURATIONS, render=constant(0.05))
    deployment = Deployment(Settings.from_template(bulk_concurrency=1_000), times, Load(backlog=60_000, warm=20_000), 1)
    deployment.run(DAY)
    assert deployment.table.counts[0].peak == get_limit("partition_writes")
    ended = sorted(deployment.jobs.ended)
    busiest = max(sum(1 for at in ended if second <= at < second + 1) for second in range(0, 120, 10))
    assert busiest <= get_limit("partition_writes") / 2
