"""One random run of a watch: objects appear and change, S3's events are lost, repeated and late, walkers are killed.

====  ================================================================================================================
W1    A version of an object has at most one job, whatever is repeated, late or killed.
W2    At the end, each object has its job, also if its event was lost or arrived during a pause.
W3    No job is created while the watch is paused, or after it was deleted.
W4    The counts of the watch and of its batches are those of the jobs.
W5    Each job is a member of a batch that exists, and no batch has a job that is not counted.
====  ================================================================================================================
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from faults.simulator import rendering
from faults.simulator.buckets import Stored
from faults.simulator.faults import no_faults
from faults.simulator.invocations import End, Invocation, Kind
from faults.simulator.request_run import Record, RequestRun
from faults.simulator.world import SOURCE_BUCKET
from support import events

from shared.aws.dynamodb.job_item import from_item
from shared.aws.dynamodb.wire import from_wire
from shared.jobs.job import ANONYMOUS
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import ImportSource
from shared.jobs.watch import Grouping, Watch
from shared.pipeline.pipeline import DEFAULT_PIPELINE

WATCH_ID = "01HZY3Q1M8Z3J5W7XK9VW00000"
#: ID of the marks.
MARKS = f"marks#{WATCH_ID}"
PREFIX = "in/"
KEYS = ("in/a.jpg", "in/b.jpg", "in/deep/a.jpg", "in/deep/a+b c.jpg", "in/deep/er/x.png")
#: Objects for which the watch is not responsible.
OTHERS = ("out/a.jpg", "in/notes.txt", "in/folder/")
CONTENTS = tuple(rendering.GOOD + bytes(number) for number in range(3))
TIMES = tuple(timedelta(minutes=minutes) for minutes in (0.02, 1, 30, 61, 24 * 60))


class WatchRun(RequestRun):
    """One run of one seed."""

    requests_count = (6, 24)
    faulty_steps = 900

    def _prepare(self) -> None:
        #: Events of S3 that were not delivered, or not acknowledged.
        self.events: list[str] = []
        #: Jobs by the key and the ETag of their object.
        self.jobs: Counter[tuple[str, str]] = Counter()
        #: Jobs by their batch.
        self.members: Counter[str] = Counter()
        #: Requests that have not ended.
        self.sent: list[tuple[Invocation, Callable[[], object]]] = []
        dependencies = self.functions.dependencies
        self.watch = dependencies.watches.create(
            Watch(
                id=WATCH_ID,
                owner=ANONYMOUS,
                bucket=SOURCE_BUCKET,
                prefix=PREFIX,
                grouping=self.random.choice(tuple(Grouping)),
                created_at=self.world.now,
                since=self.random.choice((None, self.world.now)),
                **JobSpec(DEFAULT_PIPELINE).spec_fields(),
            )
        )

    def _draw(self) -> Callable[[], object]:
        watches = self.functions.dependencies.watches
        kind = self.random.random()
        if kind < 0.12:
            return lambda: watches.pause(self.watch, at=self.world.clock())
        if kind < 0.24:
            return lambda: watches.resume(self.watch, at=self.world.clock())
        if kind < 0.3:
            return self._close_a_batch
        return lambda: None  # an object appears beside it

    def _close_a_batch(self) -> None:
        """Let the owner close a batch of the watch."""
        dependencies = self.functions.dependencies
        for each in dependencies.watch_objects.list_batches(WATCH_ID):
            dependencies.batches.close(each.batch_id, at=self.world.clock())

    # -------------------------------------------------------------------------------- what happens

    def _send(self, request: Callable[[], object]) -> None:
        """Start a request. Unlike that of other runs, its client repeats it only after its end, as time jumps here."""
        limit = self.functions.limit(Kind.API)
        self.sent.append((self.world.start(Kind.API, partial(self._answer, request), limit=limit), request))

    def _repeat(self) -> None:
        for actor, request in [each for each in self.sent if each[0].end is not None]:
            self.sent.remove((actor, request))
            if self._is_repeated(actor):
                self.requests.append(request)

    def _step(self) -> bool:
        self._repeat()
        if self.random.random() < 0.15 and self.requests:
            self._change_object()
        deeds: list[Callable[[], object]] = []
        walkers = [each for each in self.world.alive() if each.kind is Kind.WALKER and each.parent is None]
        if len(walkers) < 3 and self.requests:
            deeds.append(self._walk)
            if self.events:
                deeds.append(self._deliver)
        if self.requests:
            deeds.append(self._pass_time)
        if deeds and self.random.random() < 0.08:
            self.random.choice(deeds)()
            return True
        return super()._step()

    def _change_object(self) -> None:
        """Let an object appear, change or disappear. S3 sends an event, which may be lost or arrive twice."""
        bucket = self.world.bucket.others[SOURCE_BUCKET]
        key = self.random.choice(KEYS + OTHERS)
        if key in bucket and self.random.random() < 0.1:
            del bucket[key]
            return
        stored = Stored(self.random.choice(CONTENTS), "image/jpeg", self.world.now)
        if key in bucket and bucket[key].body == stored.body:
            return  # the same version
        bucket[key] = stored
        copies = self.random.choice((0, 1, 1, 1, 2))
        self.world.watch.seen[f"event {('lost', 'sent', 'sent twice')[copies]}"] += 1
        self.events += [events.s3(SOURCE_BUCKET, key)] * copies

    def _walk(self) -> None:
        limit = self.functions.limit(Kind.WALKER)
        self.world.start(Kind.WALKER, self.functions.walk, limit=limit, skew=self._draw_skew())

    def _deliver(self) -> Invocation:
        """Deliver some events, in any order. Those that fail stay, and some of those that succeed stay too."""
        chosen = self.random.sample(self.events, min(len(self.events), self.random.randint(1, 3)))
        limit = self.functions.limit(Kind.WALKER)
        actor = self.world.start(Kind.WALKER, partial(self._handle, chosen), limit=limit, skew=self._draw_skew())
        self.world.watch.seen["delivery"] += 1
        return actor

    def _handle(self, bodies: list[str]) -> Any:
        answer = self.functions.watch(bodies)
        if not answer["batchItemFailures"] and self.random.random() < 0.9:
            for body in bodies:
                if body in self.events:
                    self.events.remove(body)
        return answer

    def _draw_skew(self) -> timedelta:
        return timedelta(minutes=self.random.choice((0, 0, -10, 10)))

    def _pass_time(self) -> None:
        self.world.pass_time(self.random.choice(TIMES))

    # ----------------------------------------------------------------------------------- checks

    def _stored(self) -> Record | None:
        found = [
            item
            for item in self.world.batches.values()
            if item["ID"]["S"] == f"watch#{WATCH_ID}" and item["Part"]["S"] == "watch"
        ]
        return found[0] if found else None

    def _written(self, table: str, old: Record | None, new: Record | None) -> None:
        if table != "JobTable" or old is not None or new is None:
            return
        source = from_item(from_wire(new)).source
        assert isinstance(source, ImportSource)
        version = (source.location.key, source.etag)
        self.jobs[version] += 1
        self.members[new["BatchID"]["S"]] += 1
        self._demand(self.jobs[version] == 1, f"W1 {version} has {self.jobs[version]} jobs")
        self._demand(version[0] in KEYS, f"W1 {version} is not watched")
        stored = self._stored()
        self._demand(stored is not None and "PausedAt" not in stored, f"W3 {version} got a job without an active watch")

    def _check_end(self) -> None:
        """Deliver what is left, and let the last catch-up end."""
        self.world.plan = no_faults
        if "PausedAt" in (self._stored() or {}):
            self.world.watch.seen["ends paused"] += 1
            self.functions.dependencies.watches.resume(self.watch, at=self.world.now)
        for _ in range(12):
            self.world.pass_time(timedelta(minutes=75))
            actors = [self._start_walk()] + ([self._deliver()] if self.events else [])
            for actor in actors:
                self._run(actor)
        for key, stored in self.world.bucket.others[SOURCE_BUCKET].items():
            expected = 1 if key in KEYS else 0
            self._demand(self.jobs[key, stored.etag] == expected, f"W2 {key} has {self.jobs[key, stored.etag]} jobs")
        self._check_counts()
        self.functions.dependencies.watches.delete(self.watch, at=self.world.now)
        self._run(self._deliver() if self.events else self._start_walk())
        self._run(self._start_walk())
        left = [item for item in self.world.batches.values() if item["ID"]["S"] in {f"watch#{WATCH_ID}", MARKS}]
        self._demand(not left, f"W3 the deleted watch leaves {len(left)} items")

    def _start_walk(self) -> Invocation:
        return self.world.start(Kind.WALKER, self.functions.walk, limit=self.functions.limit(Kind.WALKER))

    def _run(self, actor: Invocation) -> None:
        """Let an invocation, and all others, continue until it has ended."""
        while actor.end is None:
            ready = self.world.ready()
            if ready:
                self.world.advance(self.random.choice(ready))
            else:
                self.world.pass_time(timedelta(seconds=1))
        self._demand(actor.end is End.RETURNED, f"W2 {actor.name} ended with {actor.end}")

    def _check_counts(self) -> None:
        stored, total = self._stored(), self.jobs.total()
        counted = int(stored["Jobs"]["N"]) if stored else None
        self._demand(counted == total, f"W4 the watch counts {counted} of {total} jobs")
        items = self.world.batches.values()
        batches = {item["ID"]["S"]: item for item in items if item["Part"]["S"] == "batch"}
        added = Counter({name: int(item.get("Added", {"N": "0"})["N"]) for name, item in batches.items()})
        self._demand(+added == self.members, f"W5 the batches count {+added}, but have {self.members}")
        marks = [item for item in items if item["ID"]["S"] == MARKS]
        self._demand(len(marks) == total, f"W4 {len(marks)} marks for {total} jobs")
