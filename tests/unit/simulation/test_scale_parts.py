"""The parts of the scale model do what AWS documents of them, each by itself."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from infra.deployment import template
from shared.jobs.job import Job, RawImage
from shared.jobs.job_spec import JobSpec
from shared.jobs.recovery import RecoveryPolicy
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from simulation.bucket import Bucket
from simulation.draws import exponential, fixed
from simulation.functions import Account, Function
from simulation.jobs import Jobs, Poison
from simulation.limits import LIMITS, limit
from simulation.mapping import Delivery, Mapping, Scaling, worked_out
from simulation.queue import Message, Queue
from simulation.settings import STATED, Settings
from simulation.throughput import Throughput
from simulation.units import units

VISIBILITY = 390
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def busy_mapping(scaling: Scaling, seconds: float) -> tuple[simpy.Environment, Mapping]:
    """Return a mapping with more messages than it can take, whose deliveries never end within the test."""
    env = simpy.Environment()
    queue = Queue(env, visibility=10_000)
    for job in range(4_000):
        queue.send(job)
    mapping = Mapping(
        env,
        queue,
        Function(Account(100_000), 128),
        worked_out(env, lambda _batch, _began: Delivery(seconds, {})),
        scaling=scaling,
        batch_size=1,
        dispatch=fixed(0),
        cold_start=fixed(0),
        dice=random.Random(1),
    )
    return env, mapping


@pytest.mark.parametrize(
    ("minutes", "documented"), [(0, 5), (1, 305), (2, 605), (3, 905), (4, 1205), (5, 1250), (9, 1250)]
)
def test_a_mapping_begins_with_five_batches_and_grows_by_300_a_minute_up_to_1250(minutes: int, documented: int) -> None:
    """The ramp is the documented one."""
    env, mapping = busy_mapping(Scaling.standard(100_000), 10_000)
    env.run(until=60 * minutes + 0.5)
    assert mapping.busy == documented


@pytest.mark.parametrize("most", [2, 50, 1000])
def test_maximum_concurrency_is_never_passed(most: int) -> None:
    """A mapping has at most MaximumConcurrency batches under way."""
    env, mapping = busy_mapping(Scaling.standard(most), 10_000)
    env.run(until=600)
    assert mapping.busy == most


def test_provisioned_pollers_take_ten_batches_each_and_grow_by_a_thousand_a_minute() -> None:
    """Two pollers begin with twenty batches; a minute later there are 1,020."""
    env, mapping = busy_mapping(Scaling.provisioned(2, 200), 10_000)
    env.run(until=0.5)
    assert mapping.busy == 20
    env.run(until=60.5)
    assert mapping.busy == pytest.approx(1_020, abs=1)
    env.run(until=200)
    assert mapping.busy == 2_000


def test_a_mapping_shrinks_when_nothing_waits() -> None:
    """With an empty queue the mapping goes back to five."""
    env, mapping = busy_mapping(Scaling.standard(1_000), 0.001)
    env.run(until=600)
    assert (mapping.allowed, mapping.deliveries) == (5, 4_000)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 5)), max_size=200), st.integers(5, 30))
def test_no_second_has_more_units_than_its_limit(takes: list[tuple[float, int]], per_second: int) -> None:
    """Whatever comes in whatever order, no second is overbooked, and nothing is lost without a word."""
    partition = Throughput(per_second, patience=2)
    served = [(partition.take(at, count), at, count) for at, count in takes]
    assert all(partition.rate(second) <= per_second for second in range(30))
    assert partition.units == sum(count for moment, _, count in served if moment is not None)
    assert partition.refused == sum(moment is None for moment, _, _ in served)
    assert all(at <= moment <= at + 2 for moment, at, _ in served if moment is not None)


def test_a_token_bucket_lets_its_burst_through_and_then_its_rate() -> None:
    """Of 3,000 requests in a second 1,000 pass at once; in the ten seconds after it 500 a second."""
    gateway = Bucket(500, 1_000)
    assert sum(gateway.take(0) for _ in range(3_000)) == 1_000
    assert sum(gateway.take(moment / 100) for moment in range(1, 1_001) for _ in range(20)) == pytest.approx(
        5_000, abs=1
    )


def test_an_unacknowledged_message_comes_back_when_its_visibility_is_over_and_dies_after_its_receives() -> None:
    """Five receives, each a visibility timeout apart; then the message is in the dead-letter queue."""
    env = simpy.Environment()
    queue, dead = Queue(env, visibility=VISIBILITY, max_receives=5), Queue(env, visibility=180)
    queue.dead = dead
    queue.send(7)
    for receive in range(1, 6):
        (message,) = queue.receive(10)
        assert (message.job, message.receives, queue.hidden) == (7, receive, 1)
        queue.return_after([message], VISIBILITY)
        env.run(until=env.now + VISIBILITY - 1)
        assert not queue.visible
        env.run(until=env.now + 1.5)
        assert len(queue.visible) == 1
    assert queue.receive(10) == []
    assert (queue.died, [letter.job for letter in dead.visible]) == (1, [7])


def test_no_more_messages_are_in_flight_than_the_quota() -> None:
    """Beyond the quota a receive finds nothing."""
    queue = Queue(simpy.Environment(), visibility=VISIBILITY)
    for job in range(int(limit("queue_in_flight")) + 10):
        queue.send(job)
    assert len(queue.receive(1_000_000)) == limit("queue_in_flight")
    assert queue.receive(10) == []
    queue.delete(4)
    assert len(queue.receive(10)) == 4


def test_lambda_makes_a_thousand_environments_at_once_and_a_hundred_a_second_after() -> None:
    """The scaling rate of one function is the documented one."""
    function = Function(Account(100_000), 128)
    assert sum(function.begin(0) is True for _ in range(1_500)) == 1_000
    assert sum(function.begin(5) is True for _ in range(1_500)) == 500


def test_functions_share_the_accounts_concurrency() -> None:
    """What one function uses the other has not."""
    account = Account(10)
    first, second = Function(account, 128), Function(account, 128)
    assert [first.begin(0) for _ in range(10)] == [True] * 10
    assert second.begin(0) is None
    first.end(1, 1)
    assert second.begin(1) is True
    second.end(2, 1)
    assert first.begin(2) is False, "its own environment was kept warm"


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 0.8), (16, 0.9)])
def test_with_single_messages_and_no_ramp_a_mapping_is_the_m_m_c_queue(servers: int, load: float) -> None:
    """The share that waits, and for how long, are Erlang's: within 10 and 20 percent over 60,000 arrivals."""
    env, dice = simpy.Environment(), random.Random(5)
    queue = Queue(env, visibility=10_000)
    service = exponential(1.0)
    waits: list[float] = []

    def handle(batch: list[Message], began: float) -> Delivery:
        waits.append(began - batch[0].sent)
        return Delivery(service(dice), {})

    Mapping(
        env,
        queue,
        Function(Account(10_000), 128),
        worked_out(env, handle),
        scaling=Scaling(start=servers, most=servers, growth=0),
        batch_size=1,
        dispatch=fixed(0),
        cold_start=fixed(0),
        dice=dice,
    )

    def arrive() -> simpy.events.ProcessGenerator:
        for job in range(60_000):
            yield env.timeout(dice.expovariate(servers * load))
            queue.send(job)

    env.run(until=env.process(arrive()))
    share, mean = erlang(servers, load)
    assert sum(waited > 0 for waited in waits) / len(waits) == pytest.approx(share, rel=0.1)
    assert sum(waits) / len(waits) == pytest.approx(mean, rel=0.2)


def erlang(servers: int, load: float) -> tuple[float, float]:
    """Return the share that waits in M/M/c and the mean wait of all, with a mean service time of 1: Erlang's C."""
    offered = servers * load
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    waits = blocked / (1 - load * (1 - blocked))
    return waits, waits / (servers - offered)


@pytest.mark.parametrize(("sweeps", "letters"), [(0, 0), (1, 0), (2, 1), (3, 3), (9, 0)])
def test_due_times_are_those_of_the_real_policy(sweeps: int, letters: int) -> None:
    """The model puts a job off as ``shared.jobs.recovery`` does."""
    settings = Settings.of_template()
    jobs = Jobs()
    jobs.add(0, 0, Poison.NONE, is_bulk=False)
    jobs.sweeps[0], jobs.letters[0] = sweeps, letters
    policy = RecoveryPolicy(
        max_attempts=settings.max_receives,
        max_dead_letters=settings.max_dead_letters,
        redispatch=timedelta(seconds=settings.redispatch),
        longest_redispatch=timedelta(seconds=settings.longest_redispatch),
    )
    real = Job.new(
        JobSpec(DEFAULT_PIPELINE),
        job_id="01HZY3Q1M8Z3J5W7XK9V2B4C6D",
        filename="a.jpg",
        raw=RawImage(key="raw/api/X"),
        owner="someone",
        now=NOW,
        due_after=timedelta(minutes=15),
        retention=timedelta(days=30),
    )
    for _ in range(sweeps):
        real = real.requeue(now=NOW, due_at=NOW)
    for _ in range(letters):
        real = real.record_dead_letter(now=NOW, due_at=NOW)
    assert NOW + timedelta(seconds=jobs.next_due(0, 0, settings)) == policy.next_due(real, NOW)


def test_the_settings_are_the_templates() -> None:
    """Each setting is the default of its parameter, and a change of the model's own shows."""
    defaults = template.parameter_defaults(template.load_template())
    settings = Settings.of_template(bulk_concurrency=77)
    assert settings.bulk_concurrency == 77
    for field, parameter in STATED.items():
        if field != "bulk_concurrency":
            assert getattr(settings, field) == int(defaults[parameter])


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_every_limit_names_its_source_or_says_that_it_is_assumed(name: str) -> None:
    """No figure of AWS without its page."""
    found = LIMITS[name]
    assert found.source.startswith("https://") or found.assumed
    assert found.note or not found.assumed


def test_a_member_of_a_batch_costs_twice_the_units_of_a_job_alone() -> None:
    """Transactions take twice the write units, whatever a record weighs."""
    assert units().member_commit == 2 * units().commit
    assert units().member_create == 2 * units().create
    assert units().create >= 1
