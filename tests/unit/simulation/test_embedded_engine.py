"""Tests of the embedded engine's simulation and of its calibration."""

import pytest
import simpy
from calibrate_simulation import BATCH, PROBES, SINGLES, CpuTimes, compute_step_times

from simulation.embedded_engine import EmbeddedEngine, Host, StepTimes
from simulation.shared_cpu import SharedCpu

STEPS = StepTimes(
    post_client=0.002,
    post_engine=0.013,
    post_api=0.012,
    record_engine=0.011,
    record_worker=0.013,
    delivery_engine=0.006,
    delivery_worker=0.001,
    render=(0.03, 0.05, 0.07),
)


@pytest.mark.parametrize(
    ("cores", "threads", "processes", "other_load", "expected"),
    [(1, 2, 2, 0, 2.0), (2, 2, 2, 0, 1.0), (2, 2, 1, 0, 2.0), (2, 4, 4, 0, 2.0), (2, 2, 2, 1, 2.0)],
)
def test_threads_share_cores_and_processes(
    cores: int, threads: int, processes: int, other_load: float, expected: float
) -> None:
    """Threads of one second each wait for a core and for the other threads of their process."""
    env = simpy.Environment()
    cpu = SharedCpu(env, cores, other_load=other_load)
    owners = [cpu.create_process() for _ in range(processes)]
    for thread in range(threads):
        env.process(cpu.compute(owners[thread % processes], 1.0))
    env.run()
    assert env.now == pytest.approx(expected)
    assert cpu.busy == pytest.approx(threads)


def test_one_core_is_never_idle_while_jobs_wait() -> None:
    """On one core, a backlog takes exactly the CPU time of all its steps."""
    engine = EmbeddedEngine(STEPS, Host(cores=1, other_load=0, max_concurrency=2, batch_size=10), seed=1)
    assert engine.run_backlog(200) == pytest.approx(engine.cpu.busy, rel=0.01)


@pytest.mark.parametrize("clients", [1, 4])
def test_two_cores_are_at_most_twice_as_fast(clients: int) -> None:
    """A run with uploads is faster on two cores, but at most twice as fast."""
    one, two = (
        EmbeddedEngine(STEPS, Host(cores=cores, other_load=0, max_concurrency=2, batch_size=10), seed=1)
        for cores in (1, 2)
    )
    slow, quick = one.run_uploads(100, clients), two.run_uploads(100, clients)
    assert quick < slow
    assert quick >= two.cpu.busy / 2
    assert len(two.done) == 100


def test_same_seed_repeats_a_run() -> None:
    """All completion times are equal."""
    first, second = (
        EmbeddedEngine(STEPS, Host(cores=2, other_load=0.5, max_concurrency=2, batch_size=10), seed=7) for _ in range(2)
    )
    assert first.run_uploads(50, 4) == second.run_uploads(50, 4)
    assert first.done == second.done


def test_step_times_are_recovered_from_cpu_times() -> None:
    """CPU times that are composed of known steps give these steps."""
    idle = CpuTimes(client=0, engine=0.02, api=0, worker=0, child=0, all=1, wall=2)
    idle_load = 0.01
    post = CpuTimes(
        client=PROBES * STEPS.post_client,
        engine=PROBES * STEPS.post_engine + idle_load * 5,
        api=PROBES * STEPS.post_api,
        worker=0,
        child=0,
        all=9,
        wall=5,
    )
    deliveries = PROBES / BATCH
    tens = CpuTimes(
        client=0,
        engine=PROBES * STEPS.record_engine + deliveries * STEPS.delivery_engine + idle_load * 4,
        api=0,
        worker=PROBES * STEPS.record_worker + deliveries * STEPS.delivery_worker,
        child=PROBES * 0.05,
        all=9,
        wall=4,
    )
    single = CpuTimes(
        client=0,
        engine=SINGLES * (STEPS.post_engine + STEPS.record_engine + STEPS.delivery_engine) + idle_load * 20,
        api=SINGLES * STEPS.post_api,
        worker=SINGLES * (STEPS.record_worker + STEPS.delivery_worker),
        child=SINGLES * 0.05,
        all=30,
        wall=20,
    )
    steps = compute_step_times(idle, post, tens, single, [0.015, 0.025, 0.035])
    for name in StepTimes.__slots__:
        assert getattr(steps, name) == pytest.approx(getattr(STEPS, name)), name
