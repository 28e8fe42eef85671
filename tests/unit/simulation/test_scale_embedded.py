"""The model of the embedded engine: cores are shared, and steps are told apart rightly."""

import pytest
import simpy

from simulation.calibration import BATCH, PROBES, SINGLES, Used, solved
from simulation.embedded import Engine, Place, Steps
from simulation.machine import Machine

STEPS = Steps(
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
    ("cores", "threads", "processes", "others", "expected"),
    [(1, 2, 2, 0, 2.0), (2, 2, 2, 0, 1.0), (2, 2, 1, 0, 2.0), (2, 4, 4, 0, 2.0), (2, 2, 2, 1, 2.0)],
)
def test_cores_and_interpreters_are_shared(
    cores: int, threads: int, processes: int, others: float, expected: float
) -> None:
    """Threads of a second each wait for a core, for their process's turn, and for what others take."""
    env = simpy.Environment()
    machine = Machine(env, cores, others=others)
    homes = [machine.process() for _ in range(processes)]
    for thread in range(threads):
        env.process(machine.compute(homes[thread % processes], 1.0))
    env.run()
    assert env.now == pytest.approx(expected)
    assert machine.busy == pytest.approx(threads)


def test_one_core_is_never_idle_while_there_is_work() -> None:
    """On one core a drained queue takes exactly the processor time of all its steps."""
    engine = Engine(STEPS, Place(cores=1, others=0, workers=2, batch_size=10), seed=1)
    assert engine.drain(200) == pytest.approx(engine.machine.busy, rel=0.01)


@pytest.mark.parametrize("callers", [1, 4])
def test_two_cores_are_at_most_twice_as_fast(callers: int) -> None:
    """A run with posts ends after its last post, and no sooner than its work allows on two cores."""
    one, two = (Engine(STEPS, Place(cores=cores, others=0, workers=2, batch_size=10), seed=1) for cores in (1, 2))
    slow, quick = one.post(100, callers), two.post(100, callers)
    assert quick < slow
    assert quick >= two.machine.busy / 2
    assert len(two.done) == 100


def test_a_seed_repeats_a_run() -> None:
    """The same seed, the same moments."""
    first, second = (Engine(STEPS, Place(cores=2, others=0.5, workers=2, batch_size=10), seed=7) for _ in range(2))
    assert first.post(50, 4) == second.post(50, 4)
    assert first.done == second.done


def test_steps_are_found_again_in_what_was_used() -> None:
    """From the use of posts, of deliveries of ten and of one, each step comes out as it went in."""
    idle = Used(client=0, engine=0.02, api=0, worker=0, child=0, all=1, wall=2)
    rest = 0.01
    post = Used(
        client=PROBES * STEPS.post_client,
        engine=PROBES * STEPS.post_engine + rest * 5,
        api=PROBES * STEPS.post_api,
        worker=0,
        child=0,
        all=9,
        wall=5,
    )
    deliveries = PROBES / BATCH
    tens = Used(
        client=0,
        engine=PROBES * STEPS.record_engine + deliveries * STEPS.delivery_engine + rest * 4,
        api=0,
        worker=PROBES * STEPS.record_worker + deliveries * STEPS.delivery_worker,
        child=PROBES * 0.05,
        all=9,
        wall=4,
    )
    single = Used(
        client=0,
        engine=SINGLES * (STEPS.post_engine + STEPS.record_engine + STEPS.delivery_engine) + rest * 20,
        api=SINGLES * STEPS.post_api,
        worker=SINGLES * (STEPS.record_worker + STEPS.delivery_worker),
        child=SINGLES * 0.05,
        all=30,
        wall=20,
    )
    found = solved(idle, post, tens, single, [0.015, 0.025, 0.035])
    for name in Steps.__slots__:
        assert getattr(found, name) == pytest.approx(getattr(STEPS, name)), name
