"""A simulated deployment with its clients."""

import random
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import simpy

from simulation.api import Api, RequestCounts
from simulation.bulk_upload import upload_members
from simulation.dead_letters import handle_dead_letters
from simulation.durations import Durations
from simulation.event_source_mapping import EventSourceMapping, Scaling, make_handler
from simulation.fair_order import Tenant
from simulation.functions import Account, Function
from simulation.gauges import Gauges
from simulation.jobs import Defect, Jobs
from simulation.limits import get_limit
from simulation.queue import Queue
from simulation.reconciler import Reconciler
from simulation.s3 import S3Bucket
from simulation.settings import Settings
from simulation.table import Table
from simulation.token_bucket import TokenBucket
from simulation.worker import WorkerDependencies, process_batch

#: Number of the owner whose jobs meet a flood of jobs of owner 0.
GUEST = 1
#: Memory in MiB of the dead-letter function and of the reconciler.
MAINTENANCE_MEMORY = 512
DEAD_LETTER_VISIBILITY = 180
DEAD_LETTER_CONCURRENCY = 2
#: Concurrent requests of a bulk client.
BULK_CLIENT_CONCURRENCY = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The images that clients send, and the faults during a run."""

    #: Single images per second. They are sent at random times.
    rate: float = 0
    #: For how many seconds single images are sent.
    seconds: float = 0
    #: Number of batch members. Clients start to upload them at the start of the run.
    bulk: int = 0
    #: Number of batches that the batch members belong to.
    batches: int = 1
    #: Number of jobs that are in the bulk queue at the start.
    backlog: int = 0
    #: Number of jobs of one owner that are in each of the two queues at the start.
    flood: int = 0
    #: Number of jobs that another owner sends to each queue, one per second, after ``guests_at`` seconds.
    guests: int = 0
    guests_at: float = 60
    #: A defect, and the share of images that have it.
    defect: tuple[Defect, float] = (Defect.NONE, 0.0)
    #: Start and end of each S3 outage, in seconds since the start of the run.
    outages: tuple[tuple[float, float], ...] = ()
    #: Highest number of write units per second that the table has served before the run.
    warm: float = 0


class Deployment:
    """A simulated deployment under one load."""

    def __init__(self, settings: Settings, durations: Durations, load: Load, seed: int, *, period: float = 10) -> None:
        """Create all components. The gauges are sampled every ``period`` seconds."""
        self.env = env = simpy.Environment()
        self.settings = settings
        self.load = load
        self.rng = rng = random.Random(seed)  # noqa: S311 - a simulation
        self.jobs = Jobs()
        self.table = Table(settings.listing_shards, batches=load.batches, warm=load.warm)
        self.bucket = S3Bucket(durations.transfer, rng, load.outages)
        account = Account(get_limit("account_concurrency"))
        self.worker_function = Function(account, settings.worker_memory)
        self.api_function = Function(account, settings.api_memory)
        #: The dead-letter function and the reconciler.
        self.maintenance_function = Function(account, MAINTENANCE_MEMORY)
        self.dead_letter_queue = Queue(env, visibility=DEAD_LETTER_VISIBILITY)
        self.interactive, self.bulk = (
            Queue(env, visibility=settings.visibility, max_receives=settings.max_receives, tenant=tenant)
            for tenant in self._tenants()
        )
        self.interactive.dead_letter_queue = self.bulk.dead_letter_queue = self.dead_letter_queue
        self.counts = RequestCounts()
        self.reconciler = Reconciler(
            env, self.jobs, self.table, self.maintenance_function, settings, self._send_message
        )
        self.api = Api(
            env=env,
            gateway=TokenBucket(settings.throttle_rate, settings.throttle_burst),
            function=self.api_function,
            jobs=self.jobs,
            table=self.table,
            bucket=self.bucket,
            settings=settings,
            rng=rng,
            accept=durations.accept,
            cold_start=durations.cold_start,
            watch=self.reconciler.watch,
            counts=self.counts,
        )
        self._create_mappings(durations)
        self.gauges = Gauges(
            env,
            {
                "interactive queue": lambda: len(self.interactive.visible),
                "bulk queue": lambda: len(self.bulk.visible),
                "in flight": lambda: self.interactive.hidden + self.bulk.hidden,
                "worker": lambda: self.worker_function.running,
                "api": lambda: self.api_function.running,
                "open jobs": lambda: self.jobs.open,
            },
            period,
        )

    def run(self, max_seconds: float) -> float:
        """Run until all jobs are created and have ended, but at most ``max_seconds``. Return the simulated seconds."""
        clients = [self.env.process(each) for each in self._clients()]
        self.env.process(self._watch_end(done := self.env.event(), clients))
        self.env.run(until=self.env.any_of([done, self.env.timeout(max_seconds)]))
        return float(self.env.now)

    def _watch_end(self, done: simpy.Event, clients: Sequence[simpy.Process]) -> Generator[simpy.Event, Any, None]:
        yield self.env.all_of(clients)
        while self.jobs.open or self.counts.offered > self.counts.accepted + self.counts.abandoned:
            yield self.env.timeout(1)
        done.succeed()

    def _create_mappings(self, durations: Durations) -> None:
        settings = self.settings
        dependencies = WorkerDependencies(
            jobs=self.jobs,
            table=self.table,
            bucket=self.bucket,
            settings=settings,
            rng=self.rng,
            render=durations.render,
            reject=durations.reject,
            overhead=durations.overhead,
            watch=self.reconciler.watch,
        )
        process = make_handler(self.env, partial(process_batch, dependencies=dependencies))
        create = partial(
            EventSourceMapping, self.env, dispatch=durations.dispatch, cold_start=durations.cold_start, rng=self.rng
        )
        standard = Scaling.standard(settings.interactive_concurrency)
        create(self.interactive, self.worker_function, process, scaling=standard, batch_size=settings.batch_size)
        scaling = (
            Scaling.standard(settings.bulk_concurrency)
            if settings.pollers is None
            else Scaling.provisioned(2, settings.pollers)
        )
        create(self.bulk, self.worker_function, process, scaling=scaling, batch_size=settings.batch_size)
        dead_letter_handler = make_handler(
            self.env,
            partial(
                handle_dead_letters,
                jobs=self.jobs,
                table=self.table,
                settings=settings,
                watch=self.reconciler.watch,
            ),
        )
        create(
            self.dead_letter_queue,
            self.maintenance_function,
            dead_letter_handler,
            scaling=Scaling.standard(DEAD_LETTER_CONCURRENCY),
            batch_size=10,
        )

    def _clients(self) -> Iterator[Generator[simpy.Event, Any, None]]:
        load = self.load
        for _ in range(load.backlog):
            job = self.jobs.add(0.0, self.settings.redispatch, self._choose_defect(), is_bulk=True)
            self.reconciler.watch(job, self.settings.redispatch)
            self.counts.offered += 1
            self.counts.accepted += 1
            self.bulk.send(job)
        for is_bulk in (False, True):
            for _ in range(load.flood):
                self._add_job(is_bulk=is_bulk, owner=0)
        if load.guests:
            yield self._send_guests()
        if load.bulk:
            defects = islice(iter(self._choose_defect, None), load.bulk)
            yield upload_members(self.api, self.bulk, defects, max_concurrency=BULK_CLIENT_CONCURRENCY)
        if load.rate:
            yield self._upload_singles()

    def _tenants(self) -> tuple[Tenant | None, Tenant | None]:
        """Return the tenants of the interactive and of the bulk queue, None for a queue that is not fair."""
        if not self.settings.has_fair_queues:
            return None, None
        owner = self.jobs.owner.__getitem__
        # Without the upload function, the messages of uploads have no group, and all members of batches are uploads.
        return owner, owner if self.settings.forwards_uploads else lambda job: owner(job) or None

    def _add_job(self, *, is_bulk: bool, owner: int) -> None:
        """Add a job whose message is in the queue."""
        now = self.env.now
        due = now + self.settings.redispatch
        job = self.jobs.add(now, due, self._choose_defect(), is_bulk=is_bulk, owner=owner)
        self.reconciler.watch(job, due)
        self.counts.offered += 1
        self.counts.accepted += 1
        self._send_message(job)

    def _send_guests(self) -> Generator[simpy.Event, Any, None]:
        yield self.env.timeout(self.load.guests_at)
        for _ in range(self.load.guests):
            for is_bulk in (False, True):
                self._add_job(is_bulk=is_bulk, owner=GUEST)
            yield self.env.timeout(1)

    def _upload_singles(self) -> Generator[simpy.Event, Any, None]:
        env = self.env
        while env.now < self.load.seconds:
            yield env.timeout(self.rng.expovariate(self.load.rate))
            env.process(self.api.upload(self._choose_defect(), self.interactive))

    def _choose_defect(self) -> Defect:
        defect, share = self.load.defect
        return defect if share and self.rng.random() < share else Defect.NONE

    def _send_message(self, job: int) -> None:
        (self.bulk if self.jobs.is_bulk[job] else self.interactive).send(job)
