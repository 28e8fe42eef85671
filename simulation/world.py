"""Everything together: one deployment, its clients, and a run of it."""

import random
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import simpy

from simulation.bucket import Bucket
from simulation.bulk import send_all
from simulation.dead_letters import bury
from simulation.front import Asked, Front
from simulation.functions import Account, Function
from simulation.gauges import Gauges
from simulation.jobs import Jobs, Poison
from simulation.limits import limit
from simulation.mapping import Mapping, Scaling, worked_out
from simulation.queue import Queue
from simulation.reconciler import Reconciler
from simulation.settings import Settings
from simulation.store import Store
from simulation.table import Table
from simulation.times import Times
from simulation.worker import Bench, deliver

#: Of the dead-letter function and the reconciler, MiB.
SMALL_MEMORY = 512
DEAD_VISIBILITY = 180
DEAD_CONCURRENCY = 2
#: Requests of a bulk client at a time.
SENDERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What clients send."""

    #: Single images a second, at random moments.
    rate: float = 0
    #: For so long.
    seconds: float = 0
    #: Members of one batch, all ready at the beginning.
    bulk: int = 0
    #: Into which bulk jobs are divided.
    batches: int = 1
    #: Jobs that are in the bulk queue at the beginning.
    backlog: int = 0
    #: A kind and its share.
    poison: tuple[Poison, float] = (Poison.NONE, 0.0)
    #: Of S3.
    outages: tuple[tuple[float, float], ...] = ()
    #: Write units a second that the table has had before.
    warm: float = 0


class World:
    """A deployment in simulation."""

    def __init__(self, settings: Settings, times: Times, load: Load, seed: int, *, period: float = 10) -> None:
        """Put everything in its place; nothing has happened yet."""
        self.env = env = simpy.Environment()
        self.settings = settings
        self.load = load
        self.dice = dice = random.Random(seed)  # noqa: S311 - a simulation
        self.jobs = Jobs()
        self.table = Table(settings.listing_shards, batches=load.batches, warm=load.warm)
        self.store = Store(times.transfer, dice, load.outages)
        account = Account(limit("account_concurrency"))
        self.worker = Function(account, settings.worker_memory)
        self.api = Function(account, settings.api_memory)
        self.small = Function(account, SMALL_MEMORY)
        """The dead-letter function and the reconciler."""
        self.dead = Queue(env, visibility=DEAD_VISIBILITY)
        self.interactive, self.bulk = (
            Queue(env, visibility=settings.visibility, max_receives=settings.max_receives) for _ in range(2)
        )
        self.interactive.dead = self.bulk.dead = self.dead
        self.asked = Asked()
        self.reconciler = Reconciler(env, self.jobs, self.table, self.small, settings, self._tell)
        self.front = Front(
            env=env,
            gateway=Bucket(settings.throttle_rate, settings.throttle_burst),
            function=self.api,
            jobs=self.jobs,
            table=self.table,
            store=self.store,
            settings=settings,
            dice=dice,
            accept=times.accept,
            cold_start=times.cold_start,
            watch=self.reconciler.watch,
            asked=self.asked,
        )
        self._map(times)
        self.gauges = Gauges(
            env,
            {
                "interactive queue": lambda: len(self.interactive.visible),
                "bulk queue": lambda: len(self.bulk.visible),
                "in flight": lambda: self.interactive.hidden + self.bulk.hidden,
                "worker": lambda: self.worker.running,
                "api": lambda: self.api.running,
                "open": lambda: self.jobs.open,
            },
            period,
        )

    def run(self, most: float) -> float:
        """Run until every job has ended and no more will come, or ``most`` seconds; return for how long it ran."""
        senders = [self.env.process(each) for each in self._senders()]
        self.env.process(self._watch_end(done := self.env.event(), senders))
        self.env.run(until=self.env.any_of([done, self.env.timeout(most)]))
        return float(self.env.now)

    def _watch_end(self, done: simpy.Event, senders: Sequence[simpy.Process]) -> Generator[simpy.Event, Any, None]:
        yield self.env.all_of(senders)
        while self.jobs.open or self.asked.offered > self.asked.accepted + self.asked.given_up:
            yield self.env.timeout(1)
        done.succeed()

    def _map(self, times: Times) -> None:
        settings = self.settings
        bench = Bench(
            jobs=self.jobs,
            table=self.table,
            store=self.store,
            settings=settings,
            dice=self.dice,
            render=times.render,
            refuse=times.refuse,
            overhead=times.overhead,
            watch=self.reconciler.watch,
        )
        handler = worked_out(self.env, partial(deliver, bench=bench))
        make = partial(Mapping, self.env, dispatch=times.dispatch, cold_start=times.cold_start, dice=self.dice)
        standard = Scaling.standard(settings.interactive_concurrency)
        self.interactive_mapping = make(
            self.interactive, self.worker, handler, scaling=standard, batch_size=settings.batch_size
        )
        scaling = (
            Scaling.standard(settings.bulk_concurrency)
            if settings.pollers is None
            else Scaling.provisioned(2, settings.pollers)
        )
        self.bulk_mapping = make(self.bulk, self.worker, handler, scaling=scaling, batch_size=settings.batch_size)
        burial = worked_out(
            self.env,
            partial(bury, jobs=self.jobs, table=self.table, settings=settings, watch=self.reconciler.watch),
        )
        make(self.dead, self.small, burial, scaling=Scaling.standard(DEAD_CONCURRENCY), batch_size=10)

    def _senders(self) -> Iterator[Generator[simpy.Event, Any, None]]:
        load = self.load
        for _ in range(load.backlog):
            job = self.jobs.add(0.0, self.settings.redispatch, self._poison(), is_bulk=True)
            self.reconciler.watch(job, self.settings.redispatch)
            self.asked.offered += 1
            self.asked.accepted += 1
            self.bulk.send(job)
        if load.bulk:
            poisons = islice(iter(self._poison, None), load.bulk)
            yield send_all(self.front, self.bulk, poisons, callers=SENDERS)
        if load.rate:
            yield self._post_all()

    def _post_all(self) -> Generator[simpy.Event, Any, None]:
        env = self.env
        while env.now < self.load.seconds:
            yield env.timeout(self.dice.expovariate(self.load.rate))
            env.process(self.front.post(self._poison(), self.interactive))

    def _poison(self) -> Poison:
        kind, share = self.load.poison
        return kind if share and self.dice.random() < share else Poison.NONE

    def _tell(self, job: int) -> None:
        (self.bulk if self.jobs.is_bulk[job] else self.interactive).send(job)
