"""The embedded engine on one machine: callers, gateway, functions and services share its cores.

The queue and the mapping are those of the model of AWS. What differs is the time that things take: here each step is
processor time of some process, and has to wait for a core.
"""

import random
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

from simulation.draws import fixed
from simulation.functions import Account, Function
from simulation.machine import Machine
from simulation.mapping import Delivery, Mapping, Scaling
from simulation.queue import Message, Queue
from worker.app import LOOKAHEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Processor seconds of single steps, each measured by itself."""

    post_client: float
    post_engine: float
    post_api: float
    record_engine: float
    #: Of the worker beside its child.
    record_worker: float
    delivery_engine: float
    delivery_worker: float
    #: Of a child, for each of some images.
    render: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the run takes place."""

    cores: int
    #: Cores that others took meanwhile.
    others: float
    #: Deliveries at a time, at most.
    workers: int
    batch_size: int


class Engine:
    """One engine and its functions."""

    def __init__(self, steps: Steps, place: Place, seed: int) -> None:
        """Put everything in its place; nothing has happened yet."""
        self.env = env = simpy.Environment()
        self.done: list[float] = []
        """When each job was completed."""
        self.machine = Machine(env, place.cores, others=place.others)
        self._steps = steps
        self._place = place
        self._dice = dice = random.Random(seed)  # noqa: S311 - a simulation
        self._client, self._engine = self.machine.process(), self.machine.process()
        self._queue = Queue(env, visibility=390)
        most = place.workers
        self.mapping = Mapping(
            env,
            self._queue,
            Function(Account(1_000), 2_048),
            self._deliver,
            scaling=Scaling(start=most, most=most, growth=0),
            batch_size=place.batch_size,
            dispatch=fixed(0),
            cold_start=fixed(0),  # the run began with warm functions
            dice=dice,
        )

    def post(self, pictures: int, callers: int) -> float:
        """Send images one after the other from so many callers; return when the last is done."""
        left = iter(range(pictures))
        senders = [self.env.process(self._post(left)) for _ in range(callers)]
        self.env.run(until=self.env.all_of(senders))
        while len(self.done) < pictures:
            self.env.step()
        return max(self.done)

    def drain(self, pictures: int) -> float:
        """Do images that are all in the queue; return when the last is done."""
        for picture in range(pictures):
            self._queue.send(picture)
        while len(self.done) < pictures:
            self.env.step()
        return max(self.done)

    def _post(self, left: Iterator[int]) -> Generator[simpy.Event, Any, None]:
        steps, compute = self._steps, self.machine.compute
        function = self.machine.process()
        for picture in left:
            yield from compute(self._client, steps.post_client / 2)
            yield from compute(self._engine, steps.post_engine / 2)
            yield from compute(function, steps.post_api)
            self._queue.send(picture)
            yield from compute(self._engine, steps.post_engine / 2)
            yield from compute(self._client, steps.post_client / 2)

    def _deliver(self, batch: list[Message], _began: float) -> Generator[simpy.Event, Any, Delivery]:
        worker, child = self.machine.process(), self.machine.process()
        rendering = simpy.Resource(self.env, 1)
        waiting = iter(batch)
        yield from self.machine.compute(self._engine, self._steps.delivery_engine)
        yield from self.machine.compute(worker, self._steps.delivery_worker)
        threads = [self.env.process(self._work(waiting, worker, child, rendering)) for _ in range(1 + LOOKAHEAD)]
        yield self.env.all_of(threads)
        return Delivery(0, {})

    def _work(
        self, waiting: Iterator[Message], worker: simpy.Resource, child: simpy.Resource, rendering: simpy.Resource
    ) -> Generator[simpy.Event, Any, None]:
        steps, compute = self._steps, self.machine.compute
        for _ in waiting:
            yield from compute(worker, steps.record_worker / 2)
            yield from compute(self._engine, steps.record_engine / 2)
            with rendering.request() as turn:
                yield turn
                yield from compute(child, self._dice.choice(steps.render))
            yield from compute(worker, steps.record_worker / 2)
            yield from compute(self._engine, steps.record_engine / 2)
            self.done.append(self.env.now)
