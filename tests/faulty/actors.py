"""Who acts in a run: invocations that are stopped at every AWS call and continued by a scheduler.

Each invocation runs in a greenlet of its own, so that one thread holds them all and the order of every step is
the scheduler's choice: the same choices give the same run.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process died here. No code of ours may catch it, as none could act after SIGKILL."""


class Kind(StrEnum):
    """Which of the functions an actor is an invocation of."""

    API = "api"
    WORKER = "worker"
    DEAD_LETTERS = "dead-letters"
    RECONCILER = "reconciler"


class End(StrEnum):
    """How an actor ended."""

    RETURNED = "returned"
    RAISED = "raised"
    KILLED = "killed"


@dataclass(eq=False)
class Actor:
    """One invocation: code that runs until its next AWS call, again and again."""

    name: str
    kind: Kind
    body: Callable[[], Any]
    skew: timedelta = timedelta(0)
    """By how much its clock is wrong."""
    deadline: datetime | None = None
    """When its platform kills it."""
    ready_at: datetime | None = None
    """Until when it waits for an answer."""
    end: End | None = None
    result: Any = None
    dying: bool = False
    calls: int = 0
    """AWS calls begun."""
    _greenlet: Any = field(init=False)

    def __post_init__(self) -> None:
        self._greenlet = greenlet(self._run)
        self._greenlet.actor = self

    def advance(self) -> None:
        """Let it run to its next pause, or to its end."""
        self._greenlet.switch()

    def kill(self) -> None:
        """End it where it stands."""
        self.dying = True
        if self._greenlet:
            self._greenlet.throw(Killed)
        else:  # not begun
            self.end = End.KILLED

    def _run(self) -> None:
        try:
            self.result = self.body()
            self.end = End.RETURNED
        except Killed:
            self.end = End.KILLED
        except Exception as error:  # noqa: BLE001 - what a function raises is the platform's to handle
            self.result = error
            self.end = End.RAISED


def current() -> Actor | None:
    """Return the actor whose code is running, or None outside of all."""
    actor: Actor | None = getattr(getcurrent(), "actor", None)
    return actor


def pause() -> None:
    """Hand over to the scheduler. Outside of all actors this does nothing."""
    here = getcurrent()
    if getattr(here, "actor", None) is not None and here.parent is not None:
        here.parent.switch()


def die() -> None:
    """End the running actor here."""
    actor = current()
    if actor is not None:
        actor.dying = True
    raise Killed
