"""SQS standard queues: visible and in-flight messages, receive counts and dead letters.

Messages are received in the order in which they became visible, or in that of ``FairOrder``. SQS only approximates both
orders.
"""

from collections import deque
from collections.abc import Sequence

import simpy

from simulation.fair_order import FairOrder, Order, Tenant
from simulation.limits import get_limit
from simulation.message import Message


class Queue:
    """A queue. Received messages are hidden until they are deleted or their visibility timeout ends."""

    def __init__(
        self, env: simpy.Environment, *, visibility: float, max_receives: int = 0, tenant: Tenant | None = None
    ) -> None:
        """Create an empty queue. A message becomes a dead letter after ``max_receives`` receives; 0 means never.

        With ``tenant``, the queue is fair.
        """
        self.visibility = visibility
        self.dead_letter_queue: Queue | None = None
        self._fair = FairOrder(tenant) if tenant is not None else None
        self.visible: Order = deque() if self._fair is None else self._fair
        self.hidden = 0
        self.sent = 0
        self.deleted = 0
        self.dead_letters = 0
        #: Number of API calls that are billed.
        self.requests = 0
        self._env = env
        self._max_receives = max_receives
        self._arrival = env.event()

    def send(self, job: int) -> None:
        """Send a new message."""
        self.sent += 1
        self.requests += 1
        self._make_visible(Message(job, self._env.now))

    def arrival(self) -> simpy.Event:
        """Return an event that occurs when the next message becomes visible."""
        return self._arrival

    def receive(self, max_messages: int) -> list[Message]:
        """Receive messages. Move messages that have used up their receives to the dead-letter queue."""
        received: list[Message] = []
        self.requests += 1
        capacity = int(get_limit("queue_in_flight")) - self.hidden
        while self.visible and len(received) < min(max_messages, capacity):
            message = self.visible.popleft()
            if self._max_receives and message.receives >= self._max_receives:
                self._release([message])
                self._move_to_dead_letter_queue(message)
                continue
            message.receives += 1
            received.append(message)
        self.hidden += len(received)
        return received

    def delete(self, messages: Sequence[Message]) -> None:
        """Delete received messages in one call."""
        if messages:
            self.hidden -= len(messages)
            self.deleted += len(messages)
            self.requests += 1
            self._release(messages)

    def return_after(self, messages: list[Message], delay: float) -> None:
        """Make received messages visible again after ``delay`` seconds."""
        timeout = self._env.timeout(delay)
        timeout.callbacks.append(lambda _event: self._return(messages))

    def _return(self, messages: list[Message]) -> None:
        self.hidden -= len(messages)
        self._release(messages)
        for message in messages:
            self._make_visible(message)

    def _release(self, messages: Sequence[Message]) -> None:
        if self._fair is not None:
            for message in messages:
                self._fair.release(message)

    def _make_visible(self, message: Message) -> None:
        self.visible.append(message)
        if not self._arrival.triggered:
            self._arrival.succeed()
            self._arrival = self._env.event()

    def _move_to_dead_letter_queue(self, message: Message) -> None:
        self.dead_letters += 1
        if self.dead_letter_queue is not None:
            self.dead_letter_queue.send(message.job)
