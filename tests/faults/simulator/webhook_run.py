"""One random run of the notifier and of webhooks, with faults between any two steps, from one seed.

Jobs end, the stream reports them, the notifier queues deliveries, and the webhook function sends them to receivers that
may fail. Meanwhile owners change, delete and create webhooks, and replay deliveries. Then the faults stop, and every
delivery must end.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from faults.simulator.faults import KILLS, Fault, Send, no_faults
from faults.simulator.functions import Functions
from faults.simulator.invocations import End, Invocation, Kind, current
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.queues import Message
from faults.simulator.random_run import Report
from faults.simulator.stage import Stage
from faults.simulator.webhook_watch import WebhookWatch
from faults.simulator.world import MAX_STEPS, World
from support import events

from api.webhooks.use_cases import Webhooks
from notifier.http_post import HttpResponse
from shared.errors import SafelightError
from shared.jobs.job import ANONYMOUS
from shared.webhooks.event import JOB_EVENTS, event_id

FAULTS = tuple(fault for fault in Fault if fault not in KILLS)
NAMES = ("shop", "studio")
#: Time after the last fault in which every delivery ends: ten tries take about 21 hours, a pause up to three days.
BOUND = timedelta(days=5)
PERIOD = timedelta(minutes=1)
#: Concurrent invocations per function.
MAX_INVOCATIONS = {Kind.NOTIFIER: 1, Kind.WEBHOOKS: 3}


@dataclass
class WebhookRun:
    """One run of one seed."""

    functions: Functions
    seed: int
    events_left: int = 0
    is_calm: bool = False
    #: Webhook by event of each job that has ended.
    ended: dict[str, str] = field(default_factory=dict)
    #: What a receiver answers after the faults have stopped, by URL: a status, or None for no response.
    receivers: dict[str, int | None] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)
    stream: list[Any] = field(default_factory=list)
    _reading: tuple[Invocation, list[Any]] | None = None
    _deliveries: dict[Invocation, list[tuple[Message, str]]] = field(default_factory=dict)
    _next_resume: datetime | None = None
    _stuck: dict[tuple[Invocation, int], Fault] = field(default_factory=dict)
    _numbers: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        random.seed(self.seed)  # the jitter of the delays
        self.world: World = self.functions.open()
        self.watch = WebhookWatch(self.world)
        self.stage = Stage(self.functions, LambdaPlatform(self.functions))
        self.world.watch.observers += [self.watch.written, self._report]
        self.functions.receive = self._receive
        self.fault_rate = self.random.choice((0.0, 0.02, 0.1, 0.2))
        self.kill_rate = self.random.choice((0.0, 0.02, 0.1))
        self.chaos_steps = self.random.randint(50, 300)
        self.events_left = self.random.randint(1, 25)

    def go(self) -> Report:
        """Run to the end and check the result."""
        self.world.plan = self._plan
        try:
            for name in NAMES:
                self._put(name)
            self._run_all()
        finally:
            self.world.kill_all()
        breaches = self.world.watch.breaches
        story = [f"{s.actor.name} {s.service} {s.operation}: {fault or ''}" for s, fault in self.world.steps]
        return Report(self.seed, breaches, self.world.watch.seen, story if breaches else [])

    def _run_all(self) -> None:
        until: datetime | None = None
        for step in range(MAX_STEPS):
            if self.world.watch.breaches:
                return
            if not self.is_calm and step >= self.chaos_steps and not self.events_left:
                self.is_calm, self.world.plan = True, no_faults
                until = self.world.now + BOUND
                self.posts.clear()
            if not self._step():
                break
            if until is not None and self.world.now > until:
                self.world.watch.breaches.append("W5 deliveries have not ended in time")
                return
        else:
            self.world.watch.breaches.append(f"goes round in circles: {MAX_STEPS} steps")
        self.watch.check_end(self.ended, self.accepted, self.receivers, self.posts)

    # ------------------------------------------------------------------------------------------- steps

    def _step(self) -> bool:
        """Do one thing that is due, or let time pass. Returns False if nothing is left."""
        deeds = self._deeds()
        if deeds:
            self.random.choice(deeds)()
            self._finish_invocations()
            self.world.pass_time(timedelta(milliseconds=self.random.choice((0, 1, 20))))
            return True
        later = [each for each in self._moments() if each > self.world.now]
        if later:
            self.world.pass_time(min(later) - self.world.now)
        return bool(later)

    def _deeds(self) -> list[Callable[[], object]]:
        world = self.world
        running = Counter(actor.kind for actor in world.alive() if actor.parent is None)
        deeds: list[Callable[[], object]] = []
        for actor in world.ready():
            deeds += [partial(world.advance, actor)] * 4
        if self.stream and running[Kind.NOTIFIER] < MAX_INVOCATIONS[Kind.NOTIFIER]:
            deeds.append(self._read_stream)
        if world.webhooks.visible(world.now) and running[Kind.WEBHOOKS] < MAX_INVOCATIONS[Kind.WEBHOOKS]:
            deeds.append(self._deliver)
        due = self._resume_at()
        if due is not None and due <= world.now and running[Kind.WEBHOOKS] < MAX_INVOCATIONS[Kind.WEBHOOKS]:
            deeds.append(self._resume)
        if self.is_calm:
            return deeds
        if self.events_left and not running[Kind.API]:
            deeds.append(self._end_job)
        if self.random.random() < 0.15:
            deeds.append(self._disturb)
        return deeds

    def _disturb(self) -> None:
        """Let an owner act, kill an invocation, duplicate a message, or let time pass."""
        choice, world = self.random.random(), self.world
        if choice < 0.35:
            deed = self.random.choice((self._put, self._put, self._delete, self._replay))
            deed(self.random.choice(NAMES))
        elif choice < 0.55 and self.kill_rate and world.alive():
            self.random.choice(world.alive()).kill()
        elif choice < 0.65 and world.webhooks.messages:
            world.queues.add(world.webhooks, self.random.choice(world.webhooks.messages).body)
        elif choice < 0.7 and world.webhooks.messages and self.kill_rate:
            world.watch.seen["message lost"] += 1
            self._lose_deferred_message()
        else:
            world.pass_time(timedelta(seconds=self.random.choice((1, 10, 65, 300, 3700, 40_000))))

    def _lose_deferred_message(self) -> None:
        """Lose a message about a deferred delivery: its sender may have been killed before it was sent."""
        for message in self.world.webhooks.messages:
            if self.watch.is_deferred(message.body):
                self.world.webhooks.messages.remove(message)
                return

    def _end_job(self) -> None:
        """End a job that has a webhook."""
        self.events_left -= 1
        job = self.stage.create(webhook=self.random.choice(NAMES))
        ended = job.cancel(now=self.world.now)
        self.ended[event_id(ended)] = str(job.webhook)
        assert self.stage.jobs.compare_and_swap(job, ended)

    def _report(self, table: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        """Add a write to the stream of the job table."""
        if table != "JobTable" or new is None:
            return
        self._numbers += 1
        record = events.make_stream_record(new, kind="INSERT" if old is None else "MODIFY")
        record["dynamodb"]["SequenceNumber"] = f"{self._numbers:09d}"
        self.stream.append(record)

    def _read_stream(self) -> None:
        records = self.stream[: self.random.randint(1, 10)]
        actor = self._start(Kind.NOTIFIER, partial(self.functions.notify, records))
        self._reading = (actor, records)

    def _deliver(self) -> None:
        visible = self.world.webhooks.visible(self.world.now)
        chosen = self.random.sample(visible, self.random.randint(1, min(10, len(visible))))
        messages = self.world.queues.receive(self.world.webhooks, chosen)
        actor = self._start(Kind.WEBHOOKS, partial(self.functions.deliver, self.world.webhooks, list(messages)))
        self._deliveries[actor] = [(message, message.receipt) for message in messages]

    def _resume(self) -> None:
        self._next_resume = self.world.now + PERIOD
        self._start(Kind.WEBHOOKS, self.functions.resume_deliveries)

    def _start(self, kind: Kind, body: Callable[[], Any]) -> Invocation:
        return self.world.start(kind, body, limit=self.functions.limit(kind))

    def _finish_invocations(self) -> None:
        """Acknowledge what the functions have processed, as Lambda does."""
        if self._reading is not None and self._reading[0].end is not None:
            actor, records = self._reading
            self._reading = None
            self._advance_stream(actor, records)
        for actor in [each for each in self._deliveries if each.end is not None]:
            messages = self._deliveries.pop(actor)
            if actor.end is End.RETURNED:
                failed = {each["itemIdentifier"] for each in actor.result["batchItemFailures"]}
                assert failed <= {message.id for message, _ in messages}
                for message, receipt in messages:
                    if message.id not in failed:
                        self.world.queues.acknowledge(self.world.webhooks, receipt)

    def _advance_stream(self, actor: Invocation, records: list[Any]) -> None:
        if actor.end is not End.RETURNED:
            return  # Lambda reads the same records again
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        failed = [each["itemIdentifier"] for each in actor.result["batchItemFailures"]]
        assert set(failed) <= set(numbers)
        done = numbers.index(min(failed)) if failed else len(numbers)
        del self.stream[:done]

    def _resume_at(self) -> datetime | None:
        """Return when the schedule will next find something to do."""
        due = self.watch.find_resume_time()
        if due is None:
            return None
        return max(due, self._next_resume) if self._next_resume else due

    def _moments(self) -> list[datetime]:
        resume = self._resume_at()
        moments = [*self.world.alarms(), *(message.visible_at for message in self.world.webhooks.messages)]
        return [*moments, *([resume] if resume else [])]

    # --------------------------------------------------------------------------- receivers and owners

    def _plan(self, send: Send) -> Fault | None:
        """Plan a fault. Half of the faults hit all tries of a call, so that botocore gives up."""
        if (stuck := self._stuck.get((send.actor, send.number))) is not None:
            return stuck
        if self.random.random() < self.kill_rate / 4:
            return self.random.choice((Fault.KILLED_BEFORE, Fault.KILLED_AFTER))
        if self.random.random() >= self.fault_rate:
            return None
        fault = self.random.choice(FAULTS)
        if self.random.random() < 0.5:
            self._stuck[send.actor, send.number] = fault
        return fault

    def _receive(self, url: str, headers: Mapping[str, str]) -> HttpResponse:
        """Answer a request after some time."""
        actor = current()
        event = headers["webhook-id"]
        self.posts[url] += 1
        self.watch.check_post(url, event)
        if actor is not None:
            self.world.delay(actor, timedelta(seconds=self.random.choice((0, 0.1, 1, 15, 70))))
        status = self.receivers[url] if self.is_calm else self.random.choice((204, 204, 500, 503, None, 410))
        if status == 204:
            self.accepted.add(event)
        self.world.watch.seen[f"answer {status}"] += 1
        after = timedelta(seconds=self.random.choice((1, 90, 4000))) if status == 503 else None
        return HttpResponse(status, None if status else "TIMED_OUT", after)

    def _put(self, name: str) -> None:
        """Create or change a webhook, with a new receiver."""
        self._numbers += 1
        url = f"https://receiver-{self._numbers}.example.com"
        self.receivers[url] = self.random.choice((204, 204, 500, None))
        self._ask("put", lambda webhooks: webhooks.put(name, ANONYMOUS, url, tuple(JOB_EVENTS.values())))

    def _delete(self, name: str) -> None:
        self._ask("delete", lambda webhooks: webhooks.delete(name, ANONYMOUS))

    def _replay(self, name: str) -> None:
        known = [event for event, webhook in self.ended.items() if webhook == name]
        if known:
            chosen = self.random.choice(known)
            self._ask("replay", lambda webhooks: webhooks.replay(name, ANONYMOUS, chosen))

    def _ask(self, deed: str, act: Callable[[Webhooks], object]) -> None:
        """Let the API handle a request. A refusal is a valid response. Without faults, it runs at once."""

        def run() -> None:
            with suppress(SafelightError):
                act(Webhooks.of(self.functions.dependencies))
                self.world.watch.seen[f"owner: {deed}"] += 1

        if self.world.actors:
            self._start(Kind.API, run)
        else:
            run()
