"""An SQS standard queue: visible and hidden messages, receive counts, and where dead ones go.

Messages come out in the order in which they became visible. A real queue only tries to.
"""

from collections import deque

import simpy

from simulation.limits import limit


class Message:
    """A hint that a job may be due."""

    __slots__ = ("job", "receives", "sent")

    def __init__(self, job: int, sent: float) -> None:
        """Begin without a receive."""
        self.job = job
        self.sent = sent
        self.receives = 0


class Queue:
    """Messages are hidden from the moment they are received until they are deleted or their time is over."""

    def __init__(self, env: simpy.Environment, *, visibility: float, max_receives: int = 0) -> None:
        """Begin empty. After ``max_receives`` a message is dead; 0 for never."""
        self.visibility = visibility
        self.dead: Queue | None = None
        """Where dead messages go."""
        self.visible: deque[Message] = deque()
        self.hidden = 0
        self.sent = 0
        self.deleted = 0
        self.died = 0
        self.requests = 0
        """Calls that are paid for."""
        self._env = env
        self._max_receives = max_receives
        self._arrival = env.event()

    def send(self, job: int) -> None:
        """Put a new message in."""
        self.sent += 1
        self.requests += 1
        self._show(Message(job, self._env.now))

    def arrival(self) -> simpy.Event:
        """Return the event of the next message that becomes visible."""
        return self._arrival

    def receive(self, most: int) -> list[Message]:
        """Take up to ``most`` messages. Those that have had all their receives go to the dead-letter queue."""
        taken: list[Message] = []
        self.requests += 1
        room = int(limit("queue_in_flight")) - self.hidden
        while self.visible and len(taken) < min(most, room):
            message = self.visible.popleft()
            if self._max_receives and message.receives >= self._max_receives:
                self._bury(message)
                continue
            message.receives += 1
            taken.append(message)
        self.hidden += len(taken)
        return taken

    def delete(self, count: int) -> None:
        """Remove received messages, in one call."""
        if count:
            self.hidden -= count
            self.deleted += count
            self.requests += 1

    def return_after(self, messages: list[Message], delay: float) -> None:
        """Show received messages again after ``delay`` seconds."""
        again = self._env.timeout(delay)
        again.callbacks.append(lambda _event: self._show_again(messages))

    def _show_again(self, messages: list[Message]) -> None:
        self.hidden -= len(messages)
        for message in messages:
            self._show(message)

    def _show(self, message: Message) -> None:
        self.visible.append(message)
        if not self._arrival.triggered:
            self._arrival.succeed()
            self._arrival = self._env.event()

    def _bury(self, message: Message) -> None:
        self.died += 1
        if self.dead is not None:
            self.dead.send(message.job)
