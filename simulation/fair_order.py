"""The order in which a fair queue delivers visible messages.

SQS delivers the messages of quiet tenants first while another tenant is noisy. A tenant is noisy if it has more than a
tenth of all messages in flight, and at least thirty. A message without a group is a tenant of its own
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html). AWS also
counts processing time and calls both limits approximate.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Protocol

from simulation.limits import get_limit
from simulation.message import Message

#: Returns the tenant of a job, or None for a message without a group.
Tenant = Callable[[int], int | None]


class Order(Protocol):
    """Visible messages of a queue."""

    def __len__(self) -> int:
        """Return the number of visible messages."""

    def __iter__(self) -> Iterator[Message]:
        """Yield the visible messages."""

    def append(self, message: Message, /) -> None:
        """Add a message that has become visible."""

    def popleft(self) -> Message:
        """Remove and return the next message to deliver."""


class FairOrder:
    """Visible messages by tenant."""

    def __init__(self, tenant: Tenant) -> None:
        """Start without messages."""
        self._tenant = tenant
        self._waiting: dict[int | None, deque[tuple[int, Message]]] = {}
        self._in_flight: Counter[int | None] = Counter()
        self._sent = 0
        self._length = 0

    def __len__(self) -> int:
        """Return the number of visible messages."""
        return self._length

    def __iter__(self) -> Iterator[Message]:
        """Yield the visible messages, by tenant."""
        return (message for messages in self._waiting.values() for _, message in messages)

    def append(self, message: Message, /) -> None:
        """Add a message that has become visible."""
        self._sent += 1
        self._length += 1
        self._waiting.setdefault(self._tenant(message.job), deque()).append((self._sent, message))

    def popleft(self) -> Message:
        """Remove and return the next message. It is in flight until :meth:`release` is called."""
        waiting = [tenant for tenant, messages in self._waiting.items() if messages]
        tenant = min(waiting, key=lambda each: (self._is_noisy(each), self._waiting[each][0][0]))
        self._length -= 1
        self._in_flight[tenant] += 1
        return self._waiting[tenant].popleft()[1]

    def release(self, message: Message) -> None:
        """Record that a message is no longer in flight."""
        self._in_flight[self._tenant(message.job)] -= 1

    def _is_noisy(self, tenant: int | None) -> bool:
        own = self._in_flight[tenant]
        if tenant is None or own < get_limit("noisy_in_flight"):
            return False
        return own > get_limit("noisy_share") * self._in_flight.total()
