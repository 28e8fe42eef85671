"""The simulated embedded engine. Clients, gateway, functions and services share the cores of one machine.

The queue and the event source mapping are the same as in the simulation of AWS. Each step uses CPU time of a process,
and waits until a core is free.
"""

import random
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

from simulation.distributions import constant
from simulation.event_source_mapping import EventSourceMapping, InvocationResult, Scaling
from simulation.functions import Account, Function
from simulation.message import Message
from simulation.queue import Queue
from simulation.shared_cpu import SharedCpu
from worker.app import LOOKAHEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimes:
    """CPU time of single steps in seconds. Each step was measured separately."""

    post_client: float
    post_engine: float
    post_api: float
    record_engine: float
    #: The worker process for one record, without its child process.
    record_worker: float
    delivery_engine: float
    delivery_worker: float
    #: The child process for one image: one time for each measured image.
    render: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine and the engine's configuration."""

    cores: int
    #: Number of cores that other programs use during the run.
    other_load: float
    max_concurrency: int
    batch_size: int


class EmbeddedEngine:
    """An engine with its functions and clients."""

    def __init__(self, steps: StepTimes, host: Host, seed: int) -> None:
        """Create all components."""
        self.env = env = simpy.Environment()
        #: Time at which each job completed, in seconds since the start of the run.
        self.done: list[float] = []
        self.cpu = SharedCpu(env, host.cores, other_load=host.other_load)
        self._steps = steps
        self._rng = rng = random.Random(seed)  # noqa: S311 - a simulation
        self._client, self._engine = self.cpu.create_process(), self.cpu.create_process()
        self._queue = Queue(env, visibility=390)
        self.mapping = EventSourceMapping(
            env,
            self._queue,
            Function(Account(1_000), 2_048),
            self._deliver,
            scaling=Scaling(initial=host.max_concurrency, maximum=host.max_concurrency, growth=0),
            batch_size=host.batch_size,
            dispatch=constant(0),
            cold_start=constant(0),  # The functions are warm when a run starts.
            rng=rng,
        )

    def run_uploads(self, images: int, clients: int) -> float:
        """Upload images from concurrent clients. Return the time at which the last job completes."""
        remaining = iter(range(images))
        uploads = [self.env.process(self._upload(remaining)) for _ in range(clients)]
        self.env.run(until=self.env.all_of(uploads))
        while len(self.done) < images:
            self.env.step()
        return max(self.done)

    def run_backlog(self, images: int) -> float:
        """Process images that are all in the queue at the start. Return the time at which the last job completes."""
        for image in range(images):
            self._queue.send(image)
        while len(self.done) < images:
            self.env.step()
        return max(self.done)

    def _upload(self, remaining: Iterator[int]) -> Generator[simpy.Event, Any, None]:
        steps, compute = self._steps, self.cpu.compute
        function = self.cpu.create_process()
        for image in remaining:
            yield from compute(self._client, steps.post_client / 2)
            yield from compute(self._engine, steps.post_engine / 2)
            yield from compute(function, steps.post_api)
            self._queue.send(image)
            yield from compute(self._engine, steps.post_engine / 2)
            yield from compute(self._client, steps.post_client / 2)

    def _deliver(self, batch: list[Message], _started: float) -> Generator[simpy.Event, Any, InvocationResult]:
        worker, child = self.cpu.create_process(), self.cpu.create_process()
        child_lock = simpy.Resource(self.env, 1)
        waiting = iter(batch)
        yield from self.cpu.compute(self._engine, self._steps.delivery_engine)
        yield from self.cpu.compute(worker, self._steps.delivery_worker)
        threads = [self.env.process(self._work(waiting, worker, child, child_lock)) for _ in range(1 + LOOKAHEAD)]
        yield self.env.all_of(threads)
        return InvocationResult(0, {})

    def _work(
        self, waiting: Iterator[Message], worker: simpy.Resource, child: simpy.Resource, child_lock: simpy.Resource
    ) -> Generator[simpy.Event, Any, None]:
        steps, compute = self._steps, self.cpu.compute
        for _ in waiting:
            yield from compute(worker, steps.record_worker / 2)
            yield from compute(self._engine, steps.record_engine / 2)
            with child_lock.request() as turn:
                yield turn
                yield from compute(child, self._rng.choice(steps.render))
            yield from compute(worker, steps.record_worker / 2)
            yield from compute(self._engine, steps.record_engine / 2)
            self.done.append(self.env.now)
