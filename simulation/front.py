"""The front door: the gateway's throttle, the API function, and clients that try again."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count
from typing import Any

import simpy

from simulation.bucket import Bucket
from simulation.draws import Draw
from simulation.functions import Function
from simulation.jobs import Jobs, Poison
from simulation.limits import limit
from simulation.queue import Queue
from simulation.settings import Settings
from simulation.store import Store
from simulation.table import Table

#: Of somebody who sends one image, the first included. The pause doubles from a second.
TRIES = 6
#: Seconds; as ``safelight.ingest``.
LONGEST_PAUSE = 20


@dataclass(slots=True)
class Asked:
    """What clients asked for, and what they got."""

    #: Images.
    offered: int = 0
    accepted: int = 0
    #: Images that no try brought in.
    given_up: int = 0
    requests: int = 0
    #: Requests answered with 429 by the gateway, or not taken by Lambda.
    throttled: int = 0
    #: Requests answered with 503, because a service did not answer.
    faults: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What a request passes."""

    env: simpy.Environment
    gateway: Bucket
    function: Function
    jobs: Jobs
    table: Table
    store: Store
    settings: Settings
    dice: random.Random
    #: The API function's own time for one request.
    accept: Draw
    cold_start: Draw
    watch: Callable[[int, float], None]
    asked: Asked

    def invoke(
        self, steps: Callable[[float], float | None], *, tries: int | None = TRIES
    ) -> Generator[simpy.Event, Any, bool]:
        """Make a request again and again, until it goes well or the client gives up.

        ``steps`` does what the API does from a moment on, and returns when it is done, or None for a 503. A client
        without a number of ``tries`` never gives up.
        """
        env = self.env
        for tried in range(tries) if tries else count():
            if tried:
                yield env.timeout(min(1 << (tried - 1), LONGEST_PAUSE) * self.dice.uniform(0.5, 1.5))
            self.asked.requests += 1
            is_cold = self.function.begin(env.now) if self.gateway.take(env.now) else None
            if is_cold is None:
                self.asked.throttled += 1
                continue
            began = env.now
            if is_cold:
                yield env.timeout(self.cold_start(self.dice))
            done = steps(env.now + self.accept(self.dice))
            yield env.timeout((env.now + limit("fault_seconds") if done is None else done) - env.now)
            self.function.end(env.now, env.now - began)
            if done is not None:
                return True
            self.asked.faults += 1
        return False

    def accept_job(self, at: float, poison: Poison, *, is_bulk: bool, due_after: float) -> tuple[int, float] | None:
        """Write a record; return the job and when it is written."""
        written = self.table.create(len(self.jobs), at, is_bulk=is_bulk)
        if written is None:
            return None
        job = self.jobs.add(written, written + due_after, poison, is_bulk=is_bulk)
        self.watch(job, written + due_after)
        self.asked.accepted += 1
        return job, written

    def post(self, poison: Poison, queue: Queue) -> Generator[simpy.Event, Any, None]:
        """Send one image by ``POST /v1/jobs``."""
        self.asked.offered += 1
        made: list[int] = []

        def steps(at: float) -> float | None:
            stored = self.store.call(self.store.raw_puts, at)
            if stored is None:
                return None
            accepted = self.accept_job(stored, poison, is_bulk=False, due_after=self.settings.redispatch)
            if accepted is None:
                return None
            made.append(accepted[0])
            return accepted[1] + limit("queue_latency")

        if not (yield from self.invoke(steps)):
            self.asked.given_up += 1
            return
        queue.send(made[-1])
