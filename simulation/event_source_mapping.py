"""Lambda event source mappings: how many SQS batches they process concurrently, and how this number grows."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

from simulation.distributions import Distribution
from simulation.functions import Function
from simulation.limits import get_limit
from simulation.message import Message
from simulation.queue import Queue


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """The result of one invocation."""

    seconds: float
    #: Messages that return to the queue, by delay in seconds.
    returned: dict[float, list[Message]]
    #: True if the invocation crashed, so that no message is acknowledged.
    crashed: bool = False
    #: A function to call at the end of the invocation.
    on_end: Callable[[], None] = lambda: None


#: A process that runs as long as an invocation. Its parameters are an SQS batch and the start time.
Handler = Callable[[list[Message], float], Generator[simpy.Event, Any, InvocationResult]]


def make_handler(env: simpy.Environment, compute: Callable[[list[Message], float], InvocationResult]) -> Handler:
    """Return a handler that calls ``compute`` at the start of an invocation, and then waits until its result's end."""

    def handle(batch: list[Message], started: float) -> Generator[simpy.Event, Any, InvocationResult]:
        result = compute(batch, started)
        yield env.timeout(result.seconds)
        return result

    return handle


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """The number of SQS batches that a mapping processes concurrently."""

    initial: int
    maximum: int
    #: How many batches per second are added while messages are available.
    growth: float

    @classmethod
    def standard(cls, maximum: int) -> "Scaling":
        """Return Lambda's default scaling. ``maximum`` is the mapping's ``MaximumConcurrency``."""
        maximum = min(maximum, int(get_limit("mapping_max")))
        return cls(
            initial=min(int(get_limit("mapping_initial")), maximum),
            maximum=maximum,
            growth=get_limit("mapping_growth") / 60,
        )

    @classmethod
    def provisioned(cls, min_pollers: int, max_pollers: int) -> "Scaling":
        """Return the scaling of provisioned pollers."""
        per_poller = int(get_limit("provisioned_per_poller"))
        return cls(
            initial=min_pollers * per_poller,
            maximum=max_pollers * per_poller,
            growth=get_limit("provisioned_growth") / 60,
        )


class EventSourceMapping:
    """Receives batches from a queue and invokes a function with them."""

    def __init__(  # noqa: PLR0913 - what connects three things
        self,
        env: simpy.Environment,
        queue: Queue,
        function: Function,
        handler: Handler,
        *,
        scaling: Scaling,
        batch_size: int,
        dispatch: Distribution,
        cold_start: Distribution,
        rng: random.Random,
    ) -> None:
        """Start polling. ``dispatch`` is the time that a message takes from the queue to the function."""
        self.busy = 0
        self.deliveries = 0
        self.allowed = float(scaling.initial)
        self._env = env
        self._queue = queue
        self._function = function
        self._handler = handler
        self._scaling = scaling
        self._batch_size = batch_size
        self._dispatch = dispatch
        self._cold_start = cold_start
        self._rng = rng
        self._change = env.event()
        env.process(self._poll())
        env.process(self._scale())

    def _poll(self) -> Generator[simpy.Event, Any, None]:
        while True:
            if self.busy >= int(self.allowed):
                yield self._change
            elif not self._queue.visible:
                yield self._queue.arrival()
            elif batch := self._queue.receive(self._batch_size):
                self.busy += 1
                self._env.process(self._deliver(batch))
            else:
                yield self._env.timeout(1)  # All messages were dead letters, or too many are in flight.

    def _scale(self) -> Generator[simpy.Event, Any, None]:
        """Increase the allowed number of batches while messages wait, and reduce it while no message waits."""
        scaling = self._scaling
        while True:
            yield self._env.timeout(1)
            step = scaling.growth if self._queue.visible else -scaling.growth
            self.allowed = min(scaling.maximum, max(scaling.initial, self.allowed + step))
            if step > 0:
                self._notify()

    def _deliver(self, batch: list[Message]) -> Generator[simpy.Event, Any, None]:
        env = self._env
        received = env.now
        yield env.timeout(self._dispatch(self._rng))
        pause = 1.0
        while (is_cold := self._function.start(env.now)) is None:
            if env.now + pause - received >= self._queue.visibility:
                # Lambda stops trying, and the messages become visible again.
                self._queue.return_after(batch, max(0.0, received + self._queue.visibility - env.now))
                self._free()
                return
            yield env.timeout(pause * self._rng.uniform(0.5, 1))
            pause = min(pause * 2, 30)
        if is_cold:
            yield env.timeout(self._cold_start(self._rng))
        started = env.now
        self.deliveries += 1
        result = yield from self._handler(batch, started)
        self._function.finish(env.now, env.now - started, crashed=result.crashed)
        result.on_end()
        if result.crashed:
            self._queue.return_after(batch, max(0.0, received + self._queue.visibility - env.now))
        else:
            returned = {id(message) for messages in result.returned.values() for message in messages}
            self._queue.delete([message for message in batch if id(message) not in returned])
            for delay, messages in result.returned.items():
                self._queue.requests += len(messages)
                self._queue.return_after(messages, delay)
        self._free()

    def _free(self) -> None:
        self.busy -= 1
        self._notify()

    def _notify(self) -> None:
        self._change.succeed()
        self._change = self._env.event()
