"""One run's world: its services, time, actors and watch."""

import heapq
import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from faults.simulator.buckets import Bucket
from faults.simulator.faults import Answer, Fault, Plan, Send, no_faults
from faults.simulator.invariants import Watch
from faults.simulator.invocations import End, Invocation, Kind, current, pause
from faults.simulator.queues import Queue, Queues
from faults.simulator.settings import QUEUE_NAMES, Blueprint
from faults.simulator.tables import Tables, from_template
from faults.simulator.topics import Topics

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
JOBS, BATCHES = "JobTable", "BatchTable"
#: A bucket that images are imported from.
SOURCE_BUCKET = "shop"
#: Maximum steps of all actors; the longest runs take some hundreds.
MAX_STEPS = 20_000


class NoProgress(AssertionError):
    """The run makes no progress: a function never ends, or a scene waits for something impossible."""


class Service(Protocol):
    """A double of one AWS service."""

    def call(self, operation: str, request: Mapping[str, Any]) -> Answer:
        """Run one operation."""


class World:
    """Everything that one run changes."""

    def __init__(self, blueprint: Blueprint) -> None:
        """Start with empty services at a fixed time."""
        self.now = START
        self.plan: Plan = no_faults
        self.actors: list[Invocation] = []
        self._names = 0
        self._steps_left = MAX_STEPS
        self.steps: list[tuple[Send, Fault | None]] = []
        self.watch = Watch(self)
        self.tables = Tables(
            {name: from_template(properties) for name, properties in blueprint.tables().items()}, self.watch
        )
        self.bucket = Bucket(self.watch, lambda: self.now)
        self.bucket.others[SOURCE_BUCKET] = {}
        self.dead_letters = Queue(QUEUE_NAMES["DeadLetterQueue"], blueprint.visibility("DeadLetterQueue"))
        self.queue, self.bulk_queue, self.uploads = (
            Queue(
                QUEUE_NAMES[name],
                blueprint.visibility(name),
                max_receives=blueprint.number("MaxReceiveCount"),
                dead_letters=self.dead_letters,
            )
            for name in ("JobQueue", "BulkQueue", "UploadQueue")
        )
        self.event_dead_letters = Queue(QUEUE_NAMES["EventDeadLetterQueue"], timedelta(seconds=30))
        self.webhooks = Queue(QUEUE_NAMES["WebhookQueue"], blueprint.visibility("WebhookQueue"))
        self.topics = Topics()
        queues = [self.queue, self.bulk_queue, self.uploads, self.dead_letters, self.event_dead_letters, self.webhooks]
        self.queues = Queues(queues, lambda: self.now, self.watch)
        self._services: dict[str, Service] = {
            "dynamodb": self.tables,
            "s3": self.bucket,
            "sqs": self.queues,
            "sns": self.topics,
        }
        self._later: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.nonces = itertools.count()

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the job records, as DynamoDB stores them."""
        return self.tables.tables[JOBS].items

    @property
    def batches(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the items of all batches."""
        return self.tables.tables[BATCHES].items

    def clock(self) -> datetime:
        """Return the time of the running actor, which may be wrong."""
        actor = current()
        now = self.now + actor.skew if actor is not None else self.now
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def perform(self, service: str, operation: str, request: Mapping[str, Any]) -> Answer:
        """Run a request."""
        self.watch.requested(service, operation, request)
        return self._services[service].call(operation, request)

    def delay(self, actor: Invocation, duration: timedelta) -> None:
        """Let time pass for one actor; the others continue."""
        actor.ready_at = self.now + duration
        pause()

    def later(self, duration: timedelta, deed: Callable[[], None]) -> None:
        """Do something after some time."""
        heapq.heappush(self._later, (self.now + duration, next(self._order), deed))

    def noted(self, send: Send, fault: Fault | None, error: Exception | None) -> None:
        """Log the end of one send."""
        self.steps.append((send, fault))
        self.watch.noted(send, fault, error)

    def start(
        self, kind: Kind, body: Callable[[], Any], *, limit: timedelta, skew: timedelta = timedelta(0)
    ) -> Invocation:
        """Start an invocation that is killed after ``limit``."""
        self._names += 1
        actor = Invocation(f"{kind}-{self._names}", kind, body, skew=skew, deadline=self.now + limit)
        self.actors.append(actor)
        return actor

    def start_thread(self, parent: Invocation, body: Callable[[], Any]) -> Invocation:
        """Start a thread of an invocation, or of one of its threads."""
        thread = Invocation(parent.name, parent.kind, body, skew=parent.skew, deadline=parent.deadline, parent=parent)
        self.actors.append(thread)
        return thread

    def advance(self, actor: Invocation) -> None:
        """Let an actor take its next step, or time out. Raises NoProgress after too many steps."""
        self._steps_left -= 1
        if self._steps_left < 0:
            raise NoProgress(actor.name)
        actor.ready_at = None
        if actor.deadline is not None and self.now >= actor.deadline:
            actor.kill()
            return
        actor.advance()
        if actor.root.dying:
            actor.kill()
        if actor.end is End.RAISED:
            self.watch.raised(actor)

    def pass_time(self, duration: timedelta) -> None:
        """Advance the clock and do what is due."""
        until = self.now + duration
        while self._later and self._later[0][0] <= until:
            moment, _, deed = heapq.heappop(self._later)
            self.now = max(self.now, moment)
            deed()
        self.now = until

    def alarms(self) -> list[datetime]:
        """Return the known times at which something happens by itself."""
        waiting = [actor.ready_at for actor in self.alive() if actor.ready_at is not None]
        return waiting + [moment for moment, _, _ in self._later[:1]]

    def alive(self) -> list[Invocation]:
        """Return the actors that have not ended."""
        return [actor for actor in self.actors if actor.end is None]

    def ready(self) -> list[Invocation]:
        """Return the actors that can continue now."""
        return [actor for actor in self.alive() if not actor.is_waiting and self._is_due(actor)]

    def _is_due(self, actor: Invocation) -> bool:
        return actor.ready_at is None or actor.ready_at <= self.now

    def kill_all(self) -> None:
        """End all remaining actors."""
        for actor in self.alive():
            actor.kill()
