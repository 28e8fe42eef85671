"""Actors of a run: invocations that stop at every AWS call and that a scheduler continues.

Each invocation runs in a greenlet, so one thread holds all of them and the scheduler decides the order of every step.
The same choices give the same run. Threads of a function become greenlets of the same invocation and end with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process was killed here. No code of ours may run after it, as after SIGKILL."""


class Kind(StrEnum):
    """The function of an invocation."""

    API = "api"
    WORKER = "worker"
    UPLOADS = "uploads"
    DEAD_LETTERS = "dead-letters"
    RECONCILER = "reconciler"
    WALKER = "walker"
    NOTIFIER = "notifier"
    WEBHOOKS = "webhooks"


class End(StrEnum):
    """How an actor ended."""

    RETURNED = "returned"
    RAISED = "raised"
    KILLED = "killed"


@dataclass(eq=False)
class Invocation:
    """One invocation, or one thread of it: code that runs until its next AWS call."""

    #: Of the invocation.
    name: str
    kind: Kind
    body: Callable[[], Any]
    #: Error of its clock.
    skew: timedelta = timedelta(0)
    #: When the platform kills it.
    deadline: datetime | None = None
    #: The invocation of this thread.
    parent: "Invocation | None" = None
    #: End of its wait for a response.
    ready_at: datetime | None = None
    end: End | None = None
    result: Any = None
    #: Of the invocation only: its threads end with it.
    dying: bool = False
    #: AWS calls started; each thread counts its own.
    calls: int = 0
    threads: list["Invocation"] = field(default_factory=list)
    _greenlet: Any = field(init=False)

    def __post_init__(self) -> None:
        self._greenlet = greenlet(self._run)
        self._greenlet.actor = self
        if self.parent is not None:
            self.parent.threads.append(self)

    @property
    def root(self) -> "Invocation":
        """Return the invocation."""
        return self if self.parent is None else self.parent.root

    @property
    def is_waiting(self) -> bool:
        """Return True if it waits for its threads."""
        return any(thread.end is None for thread in self.threads)

    def advance(self) -> None:
        """Run until the next pause or the end."""
        self._greenlet.switch()

    def kill(self) -> None:
        """End the invocation and all its threads immediately."""
        root = self.root
        root.dying = True
        for member in root.list_members():
            if member.end is None:
                member._fall()

    def list_members(self) -> list["Invocation"]:
        """Return its threads, those of its threads, and itself, each after its own threads."""
        return [*(member for thread in self.threads for member in thread.list_members()), self]

    def _fall(self) -> None:
        if not self._greenlet:  # not started yet
            self.end = End.KILLED
        while self.end is None:
            self._greenlet.throw(Killed)

    def _run(self) -> None:
        try:
            self.result = self.body()
            # Code that catches even this is killed all the same.
            self.end = End.KILLED if self.root.dying else End.RETURNED
        except Killed:
            self.end = End.KILLED
        except Exception as error:  # noqa: BLE001 - what a function raises is the platform's to handle
            self.result = error
            self.end = End.KILLED if self.root.dying else End.RAISED


def current() -> Invocation | None:
    """Return the actor whose code is running, or None."""
    actor: Invocation | None = getattr(getcurrent(), "actor", None)
    return actor


def pause() -> None:
    """Yield to the scheduler. Does nothing outside of actors."""
    here = getcurrent()
    actor: Invocation | None = getattr(here, "actor", None)
    if actor is None or here.parent is None:
        return
    here.parent.switch()
    if actor.root.dying:
        raise Killed


def die() -> None:
    """End the running invocation here."""
    actor = current()
    if actor is not None:
        actor.root.dying = True
    raise Killed
