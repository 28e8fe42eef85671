"""An observer that judges nothing, for tests in which the doubles only serve."""

from typing import Any

from faults.simulator.queues import Message


class Silence:
    """Watches nothing."""

    def written(self, table: str, old: Any, new: Any) -> None:
        """Learn of a write."""

    def settled(self) -> None:
        """Learn that a call is over."""

    def put(self, key: str, old: Any, new: Any) -> None:
        """Learn of an object."""

    def sent(self, message: Message) -> None:
        """Learn of a message."""

    def deleted(self, queue: str, message: Message) -> None:
        """Learn of an acknowledgement."""

    def on_dead_letter(self) -> None:
        """Learn of a dead letter."""
