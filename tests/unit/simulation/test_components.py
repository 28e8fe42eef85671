"""Each component of the simulation behaves as AWS documents it."""

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
from simulation.distributions import constant, exponential
from simulation.event_source_mapping import EventSourceMapping, InvocationResult, Scaling, make_handler
from simulation.functions import Account, Function
from simulation.jobs import Defect, Jobs
from simulation.limits import LIMITS, get_limit
from simulation.message import Message
from simulation.queue import Queue
from simulation.settings import PARAMETERS, Settings
from simulation.throughput_limit import ThroughputLimit
from simulation.token_bucket import TokenBucket
from simulation.units import measure_units

VISIBILITY = 390
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def busy_mapping(scaling: Scaling, seconds: float) -> tuple[simpy.Environment, EventSourceMapping]:
    """Return a mapping with more messages than it can process, whose invocations outlast the test."""
    env = simpy.Environment()
    queue = Queue(env, visibility=10_000)
    for job in range(4_000):
        queue.send(job)
    mapping = EventSourceMapping(
        env,
        queue,
        Function(Account(100_000), 128),
        make_handler(env, lambda _batch, _started: InvocationResult(seconds, {})),
        scaling=scaling,
        batch_size=1,
        dispatch=constant(0),
        cold_start=constant(0),
        rng=random.Random(1),
    )
    return env, mapping


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("minutes", "documented"), [(0, 5), (1, 305), (2, 605), (3, 905), (4, 1205), (5, 1250), (9, 1250)]
)
def test_mapping_scales_from_5_by_300_per_minute_to_1250(minutes: int, documented: int) -> None:
    """The number of concurrent batches is the documented one."""
    env, mapping = busy_mapping(Scaling.standard(100_000), 10_000)
    env.run(until=60 * minutes + 0.5)
    assert mapping.busy == documented


@pytest.mark.parametrize("maximum", [2, 50, 1000])
def test_maximum_concurrency_is_not_exceeded(maximum: int) -> None:
    """A mapping processes at most MaximumConcurrency batches concurrently."""
    env, mapping = busy_mapping(Scaling.standard(maximum), 10_000)
    env.run(until=600)
    assert mapping.busy == maximum


def test_provisioned_pollers_scale_by_1000_per_minute() -> None:
    """Two pollers start with 20 batches and reach 1,020 after a minute."""
    env, mapping = busy_mapping(Scaling.provisioned(2, 200), 10_000)
    env.run(until=0.5)
    assert mapping.busy == 20
    env.run(until=60.5)
    assert mapping.busy == pytest.approx(1_020, abs=1)
    env.run(until=200)
    assert mapping.busy == 2_000


def test_mapping_shrinks_when_no_message_waits() -> None:
    """With an empty queue, the mapping returns to five batches."""
    env, mapping = busy_mapping(Scaling.standard(1_000), 0.001)
    env.run(until=600)
    assert (mapping.allowed, mapping.deliveries) == (5, 4_000)


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(1, 5)), max_size=200), st.integers(5, 30))
def test_no_second_exceeds_its_throughput_limit(takes: list[tuple[float, int]], per_second: int) -> None:
    """Calls in any order exceed no limit, and every call is served or counted as refused."""
    partition = ThroughputLimit(per_second, retry_time=2)
    served = [(partition.take(at, count), at, count) for at, count in takes]
    assert all(partition.rate(second) <= per_second for second in range(30))
    assert partition.units == sum(count for moment, _, count in served if moment is not None)
    assert partition.refused == sum(moment is None for moment, _, _ in served)
    assert all(at <= moment <= at + 2 for moment, at, _ in served if moment is not None)


def test_token_bucket_allows_burst_then_rate() -> None:
    """Of 3,000 immediate requests 1,000 pass, then 500 per second."""
    gateway = TokenBucket(500, 1_000)
    assert sum(gateway.take(0) for _ in range(3_000)) == 1_000
    assert sum(gateway.take(moment / 100) for moment in range(1, 1_001) for _ in range(20)) == pytest.approx(
        5_000, abs=1
    )


def test_unacknowledged_message_becomes_a_dead_letter() -> None:
    """After five receives, each a visibility timeout apart, the message moves to the dead-letter queue."""
    env = simpy.Environment()
    queue, dead_letter_queue = Queue(env, visibility=VISIBILITY, max_receives=5), Queue(env, visibility=180)
    queue.dead_letter_queue = dead_letter_queue
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
    assert (queue.dead_letters, [message.job for message in dead_letter_queue.visible]) == (1, [7])


@pytest.mark.thorough
def test_messages_in_flight_do_not_exceed_the_quota() -> None:
    """Beyond the quota, a receive returns no messages."""
    queue = Queue(simpy.Environment(), visibility=VISIBILITY)
    for job in range(int(get_limit("queue_in_flight")) + 10):
        queue.send(job)
    received = queue.receive(1_000_000)
    assert len(received) == get_limit("queue_in_flight")
    assert queue.receive(10) == []
    queue.delete(received[:4])
    assert len(queue.receive(10)) == 4


def send_as(queue: Queue, owners: dict[int, int], owner: int, count: int) -> None:
    """Send messages of an owner."""
    for _ in range(count):
        owners[len(owners)] = owner
        queue.send(len(owners) - 1)


def test_a_fair_queue_delivers_quiet_owners_first() -> None:
    """While one owner has more than a tenth of the messages in flight, and at least thirty."""
    owners: dict[int, int] = {}
    queue = Queue(simpy.Environment(), visibility=VISIBILITY, tenant=owners.__getitem__)
    send_as(queue, owners, owner=0, count=200)
    busy = queue.receive(30)
    send_as(queue, owners, owner=1, count=2)
    assert [owners[message.job] for message in queue.receive(4)] == [1, 1, 0, 0]
    queue.delete(busy)
    send_as(queue, owners, owner=1, count=1)
    assert [owners[message.job] for message in queue.receive(2)] == [0, 0], "nobody is noisy: oldest first"


def test_messages_without_a_group_are_never_noisy() -> None:
    """Each is a tenant of its own, so they delay messages that have a group."""
    owners: dict[int, int] = {}
    queue = Queue(simpy.Environment(), visibility=VISIBILITY, tenant=lambda job: owners[job] or None)
    send_as(queue, owners, owner=0, count=200)
    queue.receive(50)
    send_as(queue, owners, owner=1, count=1)
    assert {owners[message.job] for message in queue.receive(150)} == {0}


def test_function_scales_by_1000_environments_per_10_seconds() -> None:
    """1,000 environments start immediately, then 100 per second."""
    function = Function(Account(100_000), 128)
    assert sum(function.start(0) is True for _ in range(1_500)) == 1_000
    assert sum(function.start(5) is True for _ in range(1_500)) == 500


def test_functions_share_the_account_concurrency() -> None:
    """Invocations of one function reduce the concurrency left for the other."""
    account = Account(10)
    first, second = Function(account, 128), Function(account, 128)
    assert [first.start(0) for _ in range(10)] == [True] * 10
    assert second.start(0) is None
    first.finish(1, 1)
    assert second.start(1) is True
    second.finish(2, 1)
    assert first.start(2) is False, "its environment is still warm"


@pytest.mark.thorough
@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 0.8), (16, 0.9)])
def test_fixed_mapping_behaves_as_an_m_m_c_queue(servers: int, load: float) -> None:
    """The share of waiting messages and the mean wait match Erlang's C within 10 and 20 %."""
    env, rng = simpy.Environment(), random.Random(5)
    queue = Queue(env, visibility=10_000)
    service = exponential(1.0)
    waits: list[float] = []

    def handle(batch: list[Message], started: float) -> InvocationResult:
        waits.append(started - batch[0].sent)
        return InvocationResult(service(rng), {})

    EventSourceMapping(
        env,
        queue,
        Function(Account(10_000), 128),
        make_handler(env, handle),
        scaling=Scaling(initial=servers, maximum=servers, growth=0),
        batch_size=1,
        dispatch=constant(0),
        cold_start=constant(0),
        rng=rng,
    )

    def arrive() -> simpy.events.ProcessGenerator:
        for job in range(60_000):
            yield env.timeout(rng.expovariate(servers * load))
            queue.send(job)

    env.run(until=env.process(arrive()))
    share, mean = compute_erlang_c(servers, load)
    assert sum(waited > 0 for waited in waits) / len(waits) == pytest.approx(share, rel=0.1)
    assert sum(waits) / len(waits) == pytest.approx(mean, rel=0.2)


def compute_erlang_c(servers: int, load: float) -> tuple[float, float]:
    """Return the share that waits in M/M/c and the mean wait, for a mean service time of 1."""
    offered = servers * load
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    waits = blocked / (1 - load * (1 - blocked))
    return waits, waits / (servers - offered)


@pytest.mark.thorough
@pytest.mark.parametrize(("requeues", "dead_letters"), [(0, 0), (1, 0), (2, 1), (3, 3), (9, 0)])
def test_due_times_match_the_recovery_policy(requeues: int, dead_letters: int) -> None:
    """The simulation reschedules a job as ``shared.jobs.recovery`` does."""
    settings = Settings.from_template()
    jobs = Jobs()
    jobs.add(0, 0, Defect.NONE, is_bulk=False)
    jobs.requeues[0], jobs.dead_letters[0] = requeues, dead_letters
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
    for _ in range(requeues):
        real = real.requeue(now=NOW, due_at=NOW)
    for _ in range(dead_letters):
        real = real.record_dead_letter(now=NOW, due_at=NOW)
    assert NOW + timedelta(seconds=jobs.next_due(0, 0, settings)) == policy.next_due(real, NOW)


def test_settings_are_the_template_defaults() -> None:
    """Each setting is its parameter's default unless it is changed."""
    defaults = template.parameter_defaults(template.load_template())
    settings = Settings.from_template(bulk_concurrency=77)
    assert settings.bulk_concurrency == 77
    for field, parameter in PARAMETERS.items():
        if field != "bulk_concurrency":
            assert getattr(settings, field) == int(defaults[parameter])


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_every_limit_has_a_source_or_is_marked_as_assumed(name: str) -> None:
    """Assumed figures have a note."""
    figure = LIMITS[name]
    assert figure.source.startswith("https://") or figure.assumed
    assert figure.note or not figure.assumed


def test_batch_members_cost_twice_the_write_units() -> None:
    """Transactions take twice the write units."""
    assert measure_units().member_commit == 2 * measure_units().commit
    assert measure_units().member_create == 2 * measure_units().create
    assert measure_units().create >= 1
