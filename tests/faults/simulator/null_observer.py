"""An observer without checks, for tests in which the doubles only serve."""

from typing import Any

from faults.simulator.queues import Message


class NullObserver:
    """Checks nothing."""

    def written(self, table: str, old: Any, new: Any) -> None:
        """Ignore a write."""

    def settled(self) -> None:
        """Ignore the end of a call."""

    def put(self, key: str, old: Any, new: Any) -> None:
        """Ignore a change of an object."""

    def sent(self, message: Message) -> None:
        """Ignore a message."""

    def deleted(self, queue: str, message: Message) -> None:
        """Ignore an acknowledgement."""

    def on_dead_letter(self) -> None:
        """Ignore a dead letter."""
