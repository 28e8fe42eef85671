"""An event source mapping: how many batches it has under way, and how that number grows."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

from simulation.draws import Draw
from simulation.functions import Function
from simulation.limits import limit
from simulation.queue import Message, Queue


@dataclass(frozen=True, slots=True)
class Delivery:
    """What becomes of one invocation."""

    seconds: float
    #: Messages that come back, by the delay after which they do.
    returned: dict[float, list[Message]]
    #: The invocation died: nothing is acknowledged.
    crashed: bool = False
    #: Called at its end.
    finish: Callable[[], None] = lambda: None


#: Takes a batch and the moment of its start, and lasts as long as the invocation.
Handler = Callable[[list[Message], float], Generator[simpy.Event, Any, Delivery]]


def worked_out(env: simpy.Environment, work: Callable[[list[Message], float], Delivery]) -> Handler:
    """Make a handler of what knows at the start of a delivery how it will go."""

    def handle(batch: list[Message], began: float) -> Generator[simpy.Event, Any, Delivery]:
        delivery = work(batch, began)
        yield env.timeout(delivery.seconds)
        return delivery

    return handle


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Batches under way at a time."""

    start: int
    most: int
    #: Batches a second, while messages are available.
    growth: float

    @classmethod
    def standard(cls, most: int) -> "Scaling":
        """Scale as Lambda does by itself, up to ``MaximumConcurrency``."""
        most = min(most, int(limit("mapping_most")))
        return cls(start=min(int(limit("mapping_start")), most), most=most, growth=limit("mapping_growth") / 60)

    @classmethod
    def provisioned(cls, least: int, most: int) -> "Scaling":
        """Scale as with provisioned pollers."""
        each = int(limit("provisioned_each"))
        return cls(start=least * each, most=most * each, growth=limit("provisioned_growth") / 60)


class Mapping:
    """Takes batches from a queue and invokes a function with them."""

    def __init__(  # noqa: PLR0913 - what connects three things
        self,
        env: simpy.Environment,
        queue: Queue,
        function: Function,
        handler: Handler,
        *,
        scaling: Scaling,
        batch_size: int,
        dispatch: Draw,
        cold_start: Draw,
        dice: random.Random,
    ) -> None:
        """Begin to poll. ``dispatch`` is a message's way from the queue to the function."""
        self.busy = 0
        self.deliveries = 0
        self.allowed = float(scaling.start)
        self._env = env
        self._queue = queue
        self._function = function
        self._handler = handler
        self._scaling = scaling
        self._batch_size = batch_size
        self._dispatch = dispatch
        self._cold_start = cold_start
        self._dice = dice
        self._change = env.event()
        env.process(self._poll())
        env.process(self._grow())

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
                yield self._env.timeout(1)  # all were dead, or too many are in flight

    def _grow(self) -> Generator[simpy.Event, Any, None]:
        """Have more batches under way while messages wait, fewer while none do."""
        scaling = self._scaling
        while True:
            yield self._env.timeout(1)
            step = scaling.growth if self._queue.visible else -scaling.growth
            self.allowed = min(scaling.most, max(scaling.start, self.allowed + step))
            if step > 0:
                self._changed()

    def _deliver(self, batch: list[Message]) -> Generator[simpy.Event, Any, None]:
        env = self._env
        received = env.now
        yield env.timeout(self._dispatch(self._dice))
        pause = 1.0
        while (is_cold := self._function.begin(env.now)) is None:
            if env.now + pause - received >= self._queue.visibility:
                # Lambda gives up; the messages show themselves again.
                self._queue.return_after(batch, max(0.0, received + self._queue.visibility - env.now))
                self._free()
                return
            yield env.timeout(pause * self._dice.uniform(0.5, 1))
            pause = min(pause * 2, 30)
        if is_cold:
            yield env.timeout(self._cold_start(self._dice))
        began = env.now
        self.deliveries += 1
        delivery = yield from self._handler(batch, began)
        self._function.end(env.now, env.now - began, crashed=delivery.crashed)
        delivery.finish()
        if delivery.crashed:
            self._queue.return_after(batch, max(0.0, received + self._queue.visibility - env.now))
        else:
            self._queue.delete(len(batch) - sum(map(len, delivery.returned.values())))
            for delay, messages in delivery.returned.items():
                self._queue.requests += len(messages)
                self._queue.return_after(messages, delay)
        self._free()

    def _free(self) -> None:
        self.busy -= 1
        self._changed()

    def _changed(self) -> None:
        self._change.succeed()
        self._change = self._env.event()
