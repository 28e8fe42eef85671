"""One random run: many jobs through all functions, with faults between any two steps, from one seed.

First faults occur for a while. Then they stop, and every job must end within T. Every choice comes from the seed, so a
run can be repeated.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from faults.simulator import clients, rendering
from faults.simulator.buckets import Stored
from faults.simulator.faults import KILLS, Fault, Send, no_faults
from faults.simulator.final_checks import check_end, compute_bound
from faults.simulator.functions import Functions
from faults.simulator.invocations import End, Invocation, Kind
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.queues import Queue
from faults.simulator.world import MAX_STEPS, SOURCE_BUCKET, World

from shared.pipeline.pipeline import DEFAULT_PIPELINE

#: Maximum error of a clock in either direction.
SKEW = timedelta(minutes=10)
#: Concurrent invocations per function.
MAX_INVOCATIONS = 3
FAULTS = tuple(fault for fault in Fault if fault not in KILLS)
#: Share of the imports of a prefix that their owner cancels soon.
CANCELLED_IMPORTS = 0.3
WEIRD_BODIES = ("not JSON", '{"version": 99, "job_id": "x"}', "[]", "")
NO_FILES: Mapping[bytes, bytes] = MappingProxyType({})


@dataclass
class Report:
    """Result of a run."""

    seed: int
    breaches: list[str]
    seen: Counter[str]
    #: The calls in order, to find a cause.
    story: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = "\n  ".join(self.story[-60:])
        return f"seed {self.seed}: {self.breaches}\n  {lines}\nReplay: pytest -m faults --fault-seed {self.seed}"


class Run:
    """One run of one seed."""

    def __init__(self, functions: Functions, seed: int, files: Mapping[bytes, bytes] = NO_FILES) -> None:
        """Draw the number of faults from ``seed``; ``files`` follow the marks of the posted images."""
        self.random = random.Random(seed)
        random.seed(seed)  # the worker's jitter
        #: Draws which imports are cancelled, so that all other choices stay the same.
        self.imports_random = random.Random(f"imports of {seed}")
        #: Draws which actions of owners create a copy instead. Most runs have none, so other actions stay frequent.
        self.copies_random = random.Random(f"copies of {seed}")
        self.copy_rate = self.copies_random.choice((0.0, 0.0, 0.0, 0.5))
        self.seed = seed
        self.world: World = functions.open()
        self.platform = LambdaPlatform(functions)
        self.functions = functions
        self.is_calm = False
        self.has_redriven = False
        self.fault_rate = self.random.choice((0.0, 0.02, 0.1, 0.25))
        self.kill_rate = self.random.choice((0.0, 0.01, 0.05, 0.15))
        self.is_skewed = self.random.random() < 0.4
        self.chaos_steps = self.random.randint(20, 160)
        self.owners_rate = self.random.choice((0.0, 0.0, 0.2))
        self.files = files
        self.batches: list[str] = []
        self.wishes = [self._draw_request() for _ in range(self.random.randint(1, 4))]
        self.outage: tuple[str, Fault, datetime] | None = None
        self._stuck: dict[tuple[Invocation, int], Fault] = {}

    def go(self) -> Report:
        """Run to the end and check the result."""
        self.world.plan = self._plan
        try:
            self._run_all()
        finally:
            self.world.kill_all()
        story = [_told(send, fault) for send, fault in self.world.steps] if self.world.watch.breaches else []
        return Report(self.seed, self.world.watch.breaches, self.world.watch.seen, story)

    def _run_all(self) -> None:
        waiting = list(self.wishes)
        deadline: datetime | None = None
        for step in range(MAX_STEPS):
            if self.world.watch.breaches:
                return
            if not self.is_calm and step >= self.chaos_steps and not waiting:
                self.is_calm = True
                self.world.plan = no_faults
                deadline = self._compute_deadline()
            if not self._step(waiting):
                # A redrive checks the results of all jobs first, so nothing may be paused then.
                if self.is_calm and not self._resume_walks() and not self._redrive():
                    break
                deadline = self._compute_deadline() if self.is_calm else None
                continue
            if deadline is not None and self.world.now > deadline:
                break
        else:
            self.world.watch.breaches.append(f"goes round in circles: {MAX_STEPS} steps")
        check_end(self.world)

    def _compute_deadline(self) -> datetime:
        return self.world.now + compute_bound(self.functions.blueprint) + SKEW

    def _redrive(self) -> bool:
        """Let an operator redrive all dead letters, once, after everything has ended. Returns False if there are none.

        The redriven jobs must end within T, too.
        """
        letters = (
            [] if self.has_redriven else [job_id for job_id, job in self.world.jobs.items() if "DeadReason" in job]
        )
        if letters:
            check_end(self.world)  # a redrive hides why a job has failed
        self.has_redriven = True
        for job_id in letters:
            self.platform.ask("redrive", job_id)
        return bool(letters)

    def _resume_walks(self) -> bool:
        """Let the owner resume all batches that are paused or given up. Returns False if there are none."""
        stopped = [item["ID"]["S"] for item in self.world.batches.values() if {"PausedAt", "WalkError"} & item.keys()]
        for batch_id in stopped:
            self._scan("resume", batch_id)
        return bool(stopped)

    def _scan(self, deed: str, batch_id: str) -> None:
        """Let the owner act on all members of a batch."""
        self.platform.client(partial(clients.scan_batch, self.functions, deed, batch_id))

    def _step(self, waiting: list[Callable[[], object]]) -> bool:
        """Do one thing that is due, or let time pass. Returns False if nothing is left."""
        deeds = self._deeds(waiting)
        if not deeds:
            return self._wait()
        self.random.choice(deeds)()
        for actor in list(self.platform.deliveries):
            if actor.end is not None:
                self.platform.finish(actor, is_lost=self._happens(self.kill_rate))
        self.world.pass_time(timedelta(milliseconds=self.random.choice((0, 1, 20))))
        return True

    def _deeds(self, waiting: list[Callable[[], object]]) -> list[Callable[[], object]]:
        world = self.world
        invocations = Counter(actor.kind for actor in world.alive() if actor.parent is None)
        deeds: list[Callable[[], object]] = []
        for actor in world.ready():
            deeds += [partial(world.advance, actor)] * 4
        if waiting:
            deeds.append(partial(self._want, waiting))
        for queue in self.platform.queues:
            kind = self.platform.kind_of(queue)
            if invocations[kind] < MAX_INVOCATIONS and queue.visible(world.now):
                deeds.append(partial(self._deliver, queue))
        due = self.platform.next_sweep()
        walk = self.platform.next_walk()
        if invocations[Kind.WALKER] < 2 and walk is not None and walk <= world.now:
            deeds.append(lambda: self.platform.run_walker(self._skew()))
        if invocations[Kind.RECONCILER] < 2 and due is not None and due <= world.now:
            deeds.append(lambda: self.platform.run_reconciler(self._skew()))
        if self._happens(0.15):
            deeds.append(self._inject_fault)
        if world.watch.accepted and self._happens(self.owners_rate):
            deeds.append(self._ask)
        return deeds

    def _wait(self) -> bool:
        """Advance to the next moment at which anything can happen."""
        later = self.platform.moments()
        if not later:
            return False
        self.world.pass_time(min(later) - self.world.now)
        return True

    def _deliver(self, queue: Queue) -> None:
        visible = queue.visible(self.world.now)
        count = self.random.randint(1, min(10, len(visible)))
        self.platform.deliver(queue, self.random.sample(visible, count), self._skew())

    def _inject_fault(self) -> None:
        """Cause a fault that is not part of a single call."""
        alive = self.world.alive()
        messages = [(queue, message.body) for queue in self.platform.queues for message in queue.messages]
        choice = self.random.random()
        if choice < 0.3 and messages:
            queue, body = self.random.choice(messages)
            self.world.queues.add(self.world.queue if queue is self.world.dead_letters else queue, body)
        elif choice < 0.35:
            self.world.queues.add(self.world.queue, self.random.choice(WEIRD_BODIES))
        elif choice < 0.55 and alive and self.kill_rate:
            self.random.choice(alive).kill()
        elif choice < 0.65:
            service = self.random.choice(("dynamodb", "s3", "sqs"))
            fault = self.random.choice((Fault.UNREACHABLE, Fault.ERROR, Fault.THROTTLED))
            length = timedelta(seconds=self.random.choice((3, 60, 900)))
            self.outage = (service, fault, self.world.now + length)
        elif choice < 0.75:
            self.platform.run_reconciler(self._skew())
        elif choice < 0.8:
            self._change_source_bucket()
        else:
            self.world.pass_time(timedelta(seconds=self.random.choice((1, 10, 65, 130, 400, 1000))))

    def _ask(self) -> None:
        if self.batches and self._happens(0.4):
            deeds = ("cancel", "retry", "pause", "resume")
            self._scan(self.random.choice(deeds), self.random.choice(self.batches))
            return
        deed = self.random.choice(("cancel", "retry", "delete"))
        job_id = self.random.choice(sorted(self.world.watch.accepted))
        if self.copies_random.random() >= self.copy_rate:
            self.platform.ask(deed, job_id)
            return
        new_id, at = self.functions.new_id(), self.world.clock()
        self._persist(partial(clients.copy_image, self.functions, job_id, new_id, at))

    def _plan(self, send: Send) -> Fault | None:
        if self.outage is not None:
            service, fault, until = self.outage
            if self.world.now < until and send.service == service:
                return fault
        stuck = self._stuck.get((send.actor, send.number))
        if stuck is not None:
            return stuck
        if self._happens(self.kill_rate):
            return self.random.choice((Fault.KILLED_BEFORE, Fault.KILLED_AFTER))
        if not self._happens(self.fault_rate):
            return None
        fault = self.random.choice(FAULTS)
        if self._happens(0.5):
            self._stuck[send.actor, send.number] = fault
        return fault

    def _happens(self, rate: float) -> bool:
        return not self.is_calm and self.random.random() < rate

    def _skew(self) -> timedelta:
        if not self.is_skewed or self.is_calm:
            return timedelta(0)
        return self.random.choice((-1, 0, 1)) * SKEW * self.random.random()

    def _draw_request(self) -> Callable[[], object]:
        """Draw a client request, most often posting an image."""
        kind = self.random.choices(("post", "announce", "name", "gather", "prefix"), (50, 15, 15, 13, 7))[0]
        if kind == "post":
            data, pipeline = self._picture(), self.random.choice((DEFAULT_PIPELINE, rendering.SEVERAL))
            return lambda: self.platform.submit(data, pipeline)
        if kind == "announce":
            sending = self._sending()
            return lambda: self.platform.client(partial(clients.create_upload, self.functions, sending))
        if kind == "prefix":
            for _ in range(self.random.randint(1, 5)):
                self._store_source_image()
            return self._import_prefix
        if kind == "name":
            return partial(self._name, self._store_source_image())
        return partial(self._gather, [self._member() for _ in range(self.random.randint(1, 4))])

    def _want(self, waiting: list[Callable[[], object]]) -> None:
        waiting.pop()()

    def _name(self, key: str) -> None:
        self._persist(partial(clients.import_object, self.functions, key, self.functions.new_id(), self.world.clock()))

    def _import_prefix(self) -> None:
        seed = self.functions.new_id()
        self.batches.append(seed)
        self._persist(partial(clients.import_prefix, self.functions, seed, self.world.clock()))
        if self.imports_random.random() < CANCELLED_IMPORTS:
            delay = timedelta(seconds=self.imports_random.choice((0.05, 1, 70)))
            self.world.later(delay, partial(self._scan, "cancel", seed))

    def _gather(self, members: list[clients.Member]) -> None:
        order = clients.BatchOrder(seed=self.functions.new_id(), at=self.world.clock(), members=members)
        self.batches.append(order.seed)
        self._persist(partial(clients.create_batch, self.functions, order))

    def _persist(self, ask: Callable[..., object]) -> None:
        """Send a request with a key, and repeat it if there is no response; the first one has ended by then."""
        first = self.platform.client(partial(ask, again=False))
        limit = self.functions.limit(Kind.API) + timedelta(seconds=self.random.choice((1, 200)))

        def ask_again() -> None:
            if first.end is not End.RETURNED:
                self.platform.client(partial(ask, again=True))

        self.world.later(limit, ask_again)

    def _member(self) -> clients.Member:
        if self.random.random() < 0.5:
            return clients.Member(sending=self._sending())
        return clients.Member(key=self._store_source_image())

    def _sending(self) -> clients.SendPlan:
        return clients.SendPlan(
            data=self._picture(),
            other=self._picture() + b" other",
            times=self.random.choices((0, 1, 2, 4), (15, 60, 15, 10))[0],
            after=timedelta(seconds=self.random.choice((1, 2, 5, 60, 1400, 1600))),
            is_heard=self.random.random() < 0.9,
        )

    def _store_source_image(self) -> str:
        """Store an image in the source bucket; return its key."""
        shop = self.world.bucket.others[SOURCE_BUCKET]
        key = f"{len(shop)}.jpg"
        shop[key] = Stored(self._picture(), "image/jpeg")
        return key

    def _change_source_bucket(self) -> None:
        """Delete or replace an image of the source bucket."""
        shop = self.world.bucket.others[SOURCE_BUCKET]
        if not shop:
            return
        key = self.random.choice(sorted(shop))
        if self.random.random() < 0.5:
            shop[key] = Stored(shop[key].body + b" other", "image/jpeg")
        else:
            del shop[key]

    def _picture(self) -> bytes:
        kinds = (rendering.GOOD, rendering.BAD, rendering.DEADLY, rendering.KILLED_ONCE, rendering.KILLING)
        mark = self.random.choices(kinds, (82, 7, 3, 5, 3))[0]
        return mark + self.files.get(mark, b"")


def _told(send: Send, fault: Fault | None) -> str:
    what = f"{send.actor.name} call {send.number}.{send.tried + 1} {send.service} {send.operation}"
    return f"{what}: {fault}" if fault else what
