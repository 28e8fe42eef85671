"""Lambda and SQS around our functions: deliver messages, wait for the response, delete acknowledged messages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from faults.simulator.functions import Functions
from faults.simulator.invocations import End, Invocation, Kind
from faults.simulator.queues import Message, Queue
from faults.simulator.world import MAX_STEPS, NoProgress

from shared.aws.dynamodb.walks.walk_table import WALKS
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Pipeline

#: Period of the reconciler's schedule.
PERIOD = timedelta(minutes=1)


@dataclass
class LambdaPlatform:
    """Starts invocations and handles their ends."""

    functions: Functions
    #: By invocation: its queue and its messages with their receipts.
    deliveries: dict[Invocation, tuple[Queue, list[tuple[Message, str]]]] = field(default_factory=dict)
    ended: list[Invocation] = field(default_factory=list)
    _next_sweep: datetime | None = None
    _next_walk: datetime | None = None

    @property
    def queues(self) -> tuple[Queue, ...]:
        """Return the queues in the order of the data path."""
        world = self.functions.world
        return world.uploads, world.queue, world.bulk_queue, world.dead_letters

    def kind_of(self, queue: Queue) -> Kind:
        """Return the function that handles the messages of a queue."""
        world = self.functions.world
        return {world.uploads.name: Kind.UPLOADS, world.dead_letters.name: Kind.DEAD_LETTERS}.get(
            queue.name, Kind.WORKER
        )

    def submit(self, data: bytes, pipeline: Pipeline = DEFAULT_PIPELINE) -> Invocation:
        """Let a client post an image."""
        return self.functions.world.start(
            Kind.API, partial(self.functions.submit, data, pipeline), limit=self.functions.limit(Kind.API)
        )

    def client(self, body: Callable[[], Any]) -> Invocation:
        """Let the API handle a client request."""
        return self.functions.world.start(Kind.API, body, limit=self.functions.limit(Kind.API))

    def ask(self, deed: str, job_id: str) -> Invocation:
        """Let an owner cancel, retry or delete a job, or an operator redrive it."""
        act = partial(self.functions.ask, deed) if deed != "redrive" else self.functions.redrive
        return self.functions.world.start(Kind.API, partial(act, job_id), limit=self.functions.limit(Kind.API))

    def deliver(self, queue: Queue, chosen: list[Message], skew: timedelta = timedelta(0)) -> Invocation | None:
        """Receive messages and invoke the queue's function; None if all went to the dead-letter queue."""
        world = self.functions.world
        messages = world.queues.receive(queue, chosen)
        if not messages:
            return None
        kind = self.kind_of(queue)
        body = partial(self.functions.deliver, queue, list(messages))
        actor = world.start(kind, body, limit=self.functions.limit(kind), skew=skew)
        self.deliveries[actor] = (queue, [(message, message.receipt) for message in messages])
        return actor

    def run_reconciler(self, skew: timedelta = timedelta(0)) -> Invocation:
        """Start the reconciler."""
        world = self.functions.world
        self._next_sweep = world.now + PERIOD
        return world.start(
            Kind.RECONCILER, self.functions.reconcile, limit=self.functions.limit(Kind.RECONCILER), skew=skew
        )

    def next_sweep(self) -> datetime | None:
        """Return when the reconciler will next find something to do."""
        due = [record["DueAt"]["S"] for record in self.functions.world.jobs.values() if "DueAt" in record]
        if not due:
            return None
        first = datetime.fromisoformat(min(due)) + timedelta(milliseconds=1)
        return max(first, self._next_sweep) if self._next_sweep else first

    def run_walker(self, skew: timedelta = timedelta(0)) -> Invocation:
        """Start the walker."""
        world = self.functions.world
        self._next_walk = world.now + PERIOD
        return world.start(Kind.WALKER, self.functions.walk, limit=self.functions.limit(Kind.WALKER), skew=skew)

    def next_walk(self) -> datetime | None:
        """Return when the walker will next find something to do."""
        due = [max(item["DueAt"]["S"], item.get("LeaseUntil", item["DueAt"])["S"]) for item in self.list_walks()]
        if not due:
            return None
        first = datetime.fromisoformat(min(due)) + timedelta(milliseconds=1)
        return max(first, self._next_walk) if self._next_walk else first

    def list_walks(self) -> list[Mapping[str, Any]]:
        """Return the walks that are not over."""
        return [item for item in self.functions.world.batches.values() if item["ID"]["S"] == WALKS]

    def settle(self, limit: timedelta) -> None:
        """Let everything that is running or due happen, one thing at a time, for at most ``limit``."""
        world = self.functions.world
        until = world.now + limit
        for _ in range(MAX_STEPS):
            if world.now > until or not (self._next_deed() or self._wait()):
                return
        raise NoProgress

    def _next_deed(self) -> bool:
        world = self.functions.world
        for actor in [actor for actor in self.deliveries if actor.end is not None]:
            self.finish(actor)
        ready = world.ready()
        if ready:
            world.advance(ready[0])
            return True
        for queue in self.queues:
            if visible := queue.visible(world.now):
                self.deliver(queue, visible[:10])
                return True
        due = self.next_sweep()
        if due is not None and due <= world.now:
            self.run_reconciler()
            return True
        walk = self.next_walk()
        if walk is not None and walk <= world.now:
            self.run_walker()
            return True
        return False

    def _wait(self) -> bool:
        """Advance to the next moment at which anything can happen; return False if there is none."""
        later = self.moments()
        if later:
            self.functions.world.pass_time(min(later) - self.functions.world.now)
        return bool(later)

    def moments(self) -> list[datetime]:
        """Return the coming moments at which something happens by itself."""
        world = self.functions.world
        moments = world.alarms() + [message.visible_at for queue in self.queues for message in queue.messages]
        due = [moment for moment in (self.next_sweep(), self.next_walk()) if moment is not None]
        return [moment for moment in [*moments, *due] if moment > world.now]

    def finish(self, actor: Invocation, *, is_lost: bool = False) -> None:
        """Handle the end of an invocation; with ``is_lost``, the deletion of its messages is lost."""
        self.ended.append(actor)
        queue, messages = self.deliveries.pop(actor, (None, []))
        if queue is None or actor.end is not End.RETURNED or is_lost:
            return
        failed = _failed(actor.result, {message.id for message, _ in messages})
        self.functions.world.watch.acknowledger = actor.name
        for message, receipt in messages:
            if failed is not None and message.id not in failed:
                self.functions.world.queues.acknowledge(queue, receipt)


def _failed(answer: Any, sent: set[str]) -> set[str] | None:
    """Return the records to retry; None for all of them, as AWS does for an invalid response or identifier."""
    if not isinstance(answer, dict):
        return None
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    return failed if failed <= sent else None
