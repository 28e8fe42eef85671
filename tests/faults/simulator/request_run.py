"""One random run of requests to the API: clients send them at the same time, with faults, from one seed.

Each client repeats its request until it gets a response. A subclass draws the requests and checks what they wrote.
"""

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from faults.simulator.faults import KILLS, Fault, Send, no_faults
from faults.simulator.functions import Functions
from faults.simulator.invocations import End, Invocation, Kind
from faults.simulator.random_run import Report
from faults.simulator.world import MAX_STEPS, World

from shared.errors import SafelightError, ServiceError

FAULTS = tuple(fault for fault in Fault if fault not in KILLS)
Record = Mapping[str, Any]


class RequestRun:
    """One run of one seed."""

    #: Least and largest number of requests.
    requests_count: ClassVar[tuple[int, int]]
    #: Steps after which no more faults occur.
    faulty_steps: ClassVar[int]

    def __init__(self, functions: Functions, seed: int) -> None:
        """Draw the number of faults and the requests from ``seed``."""
        self.functions = functions
        self.seed = seed
        self.random = random.Random(seed)
        random.seed(seed)
        self.world: World = functions.open()
        self.fault_rate = self.random.choice((0.0, 0.05, 0.2))
        self.kill_rate = self.random.choice((0.0, 0.02, 0.1))
        self._prepare()
        self.world.watch.observers.append(self._written)
        self.requests = [self._draw() for _ in range(self.random.randint(*self.requests_count))]

    def go(self) -> Report:
        """Run to the end and check the result."""
        self.world.plan = self._plan
        try:
            for step in range(MAX_STEPS):
                if step > self.faulty_steps:
                    self.world.plan = no_faults
                if not self._step():
                    break
            self._check_end()
        finally:
            self.world.kill_all()
        return Report(self.seed, self.world.watch.breaches, self.world.watch.seen)

    def _prepare(self) -> None:
        """Write what the requests need."""

    def _draw(self) -> Callable[[], object]:
        """Return a request."""
        raise NotImplementedError

    def _written(self, table: str, old: Record | None, new: Record | None) -> None:
        """Check a write."""
        raise NotImplementedError

    def _check_end(self) -> None:
        """Check the tables when all requests have ended."""
        raise NotImplementedError

    def _is_repeated(self, actor: Invocation) -> bool:
        """Return True if a client sends its request again: it got no response or a 5xx response."""
        return actor.end is not End.RETURNED or actor.result == "5xx"

    def _plan(self, send: Send) -> Fault | None:  # noqa: ARG002 - the signature of a plan
        if self.random.random() < self.kill_rate:
            return self.random.choice((Fault.KILLED_BEFORE, Fault.KILLED_AFTER))
        return self.random.choice(FAULTS) if self.random.random() < self.fault_rate else None

    def _demand(self, holds: bool, breach: str) -> None:
        self.world.watch._demand(holds, breach)

    def _step(self) -> bool:
        deeds: list[Callable[[], object]] = [partial(self.world.advance, actor) for actor in self.world.ready()]
        alive = [actor for actor in self.world.alive() if actor.parent is None]
        if self.requests and len(alive) < 4:
            deeds.append(lambda: self._send(self.requests.pop()))
        if not deeds:
            later = [each for each in self.world.alarms() if each > self.world.now]
            if later:
                self.world.pass_time(min(later) - self.world.now)
            return bool(later)
        self.random.choice(deeds)()
        return True

    def _send(self, request: Callable[[], object]) -> None:
        """Start a request, and repeat it after its end if the client does so."""
        limit = self.functions.limit(Kind.API)
        actor = self.world.start(Kind.API, partial(self._answer, request), limit=limit)

        def repeat() -> None:
            if self._is_repeated(actor):
                self._send(request)

        self.world.later(limit * 1.1, repeat)

    def _answer(self, request: Callable[[], object]) -> str:
        try:
            request()
        except ServiceError:
            return "5xx"
        except SafelightError:
            return "4xx"
        return "2xx"
