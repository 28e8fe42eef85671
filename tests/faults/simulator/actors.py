"""Who acts in a run: invocations that are stopped at every AWS call and continued by a scheduler.

Each invocation runs in a greenlet of its own, so that one thread holds them all and the order of every step is
the scheduler's choice: the same choices give the same run. What a function does in threads becomes further
greenlets of the same invocation, which live and die together.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """The process died here. No code of ours may go on after it, as none could after SIGKILL."""


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
    """One invocation, or one thread of it: code that runs until its next AWS call, again and again."""

    #: Of the invocation.
    name: str
    kind: Kind
    body: Callable[[], Any]
    #: By how much its clock is wrong.
    skew: timedelta = timedelta(0)
    #: When its platform kills it.
    deadline: datetime | None = None
    #: The invocation that it is a thread of.
    parent: "Actor | None" = None
    #: Until when it waits for an answer.
    ready_at: datetime | None = None
    end: End | None = None
    result: Any = None
    #: Asked of the invocation only: threads die with it.
    dying: bool = False
    #: AWS calls begun; each thread counts its own.
    calls: int = 0
    threads: list["Actor"] = field(default_factory=list)
    _greenlet: Any = field(init=False)

    def __post_init__(self) -> None:
        self._greenlet = greenlet(self._run)
        self._greenlet.actor = self
        if self.parent is not None:
            self.parent.threads.append(self)

    @property
    def root(self) -> "Actor":
        """Return the invocation."""
        return self if self.parent is None else self.parent.root

    @property
    def is_waiting(self) -> bool:
        """Tell whether it waits for its threads."""
        return any(thread.end is None for thread in self.threads)

    def advance(self) -> None:
        """Let it run to its next pause, or to its end."""
        self._greenlet.switch()

    def kill(self) -> None:
        """End the invocation where it stands, with all of its threads."""
        root = self.root
        root.dying = True
        for member in (*root.threads, root):
            if member.end is None:
                member._fall()

    def _fall(self) -> None:
        if not self._greenlet:  # has not begun
            self.end = End.KILLED
        while self.end is None:
            self._greenlet.throw(Killed)

    def _run(self) -> None:
        try:
            self.result = self.body()
            # Code that swallows even this is no more alive for it.
            self.end = End.KILLED if self.root.dying else End.RETURNED
        except Killed:
            self.end = End.KILLED
        except Exception as error:  # noqa: BLE001 - what a function raises is the platform's to handle
            self.result = error
            self.end = End.KILLED if self.root.dying else End.RAISED


def current() -> Actor | None:
    """Return the actor whose code is running, or None outside of all."""
    actor: Actor | None = getattr(getcurrent(), "actor", None)
    return actor


def pause() -> None:
    """Hand over to the scheduler. Outside of all actors this does nothing."""
    here = getcurrent()
    actor: Actor | None = getattr(here, "actor", None)
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
