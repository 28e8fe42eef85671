"""The run: one thread decides what is done next and writes down what came of it; the others do it."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from safelight.client import Safelight
from safelight.errors import ClientError
from safelight.ingest import error_kinds, progress, scheduler
from safelight.ingest.checkpoint import chunks, listing
from safelight.ingest.checkpoint.database import Checkpoint, translated
from safelight.ingest.concurrency import CEILING, Pace
from safelight.ingest.entries import Found, Misfit
from safelight.ingest.inspection import prepare_all
from safelight.ingest.manifests import read_manifest
from safelight.ingest.options import IngestOrder
from safelight.ingest.polling import Watch
from safelight.ingest.progress import Tally
from safelight.ingest.sources import find
from safelight.ingest.state import Desk
from safelight.ingest.tasks import Task
from safelight.ingest.worker_pool import Crew, Ended, Scanned
from safelight.transport.timing import REAL, Timing

#: Patience with a server that has not answered once: its address may be wrong.
FIRST_PATIENCE_SECONDS = 10.0
_REPORT_SECONDS = 0.5
#: Longest wait without a look around.
_TICK_SECONDS = 1.0


class IngestStopped(ClientError):
    """The ingest can't go on; what it has done is kept."""

    code = "INGEST_STOPPED"


def run(  # noqa: PLR0913 - what a run needs
    client: Safelight,
    checkpoint: Checkpoint,
    order: IngestOrder,
    *,
    report: Callable[[Tally], None] = lambda _tally: None,
    timing: Timing = REAL,
    clock: Callable[[], float] = time.time,
) -> Tally:
    """Bring every file of the sources to its end, or go on with that; return how they fared.

    Raises IngestStopped when the API refuses or stays away, CheckpointUnusable, ManifestUnusable. What was done is
    kept, also after KeyboardInterrupt and any kill.
    """
    with translated(checkpoint.path):
        listing.begin(checkpoint, str(order.out.absolute()) if order.out else None)
        desk = Desk(checkpoint, order, Watch(timing.monotonic()), clock)
        loop = _Loop(client.once(), desk, report, timing)
        try:
            loop.go()
        except BaseException:
            loop.crew.dismiss()
            # What is under way fails on its closed connection instead of being waited for.
            client.close()
            checkpoint.commit()
            raise
        loop.crew.wait()
        return loop.count()


class _Loop:
    """What is under way, and what came of it."""

    def __init__(self, client: Safelight, desk: Desk, report: Callable[[Tally], None], timing: Timing) -> None:
        self._client = client
        self._desk = desk
        self._report = report
        self._timing = timing
        self._pace = Pace(desk.order.concurrency or CEILING, steady=desk.order.concurrency is not None)
        # One more, for looking at files.
        self.crew = Crew(self._pace.ceiling + 1)
        self._again: deque[Task] = deque()
        self._under_way = 0
        self._began = self._last_good = timing.monotonic()
        self._tell_at = float("-inf")

    def go(self) -> None:
        """Go on until nothing is left to do."""
        self.crew.scan(self._entries())
        while True:
            self._start_all()
            if not self._under_way and not self._again and scheduler.is_over(self._desk):
                break
            for end in self.crew.ends(self._patience()):
                self._take(end)
            self._desk.checkpoint.commit()
            self._tell()
        self._report(self.count())

    def count(self) -> Tally:
        """Return how far it is."""
        desk = self._desk
        return progress.count(desk.checkpoint, saving=desk.order.out is not None, scanned=desk.scanned)

    def _entries(self) -> Iterator[Found | Misfit]:
        order = self._desk.order
        return chain(find(order.sources, order.search), chain.from_iterable(map(read_manifest, order.manifests)))

    def _start_all(self) -> None:
        now = self._timing.monotonic()
        if not self._desk.preparing:
            files = [(row.number, row.source) for row in scheduler.to_prepare(self._desk, int(self._pace.limit))]
            if files:
                self._desk.preparing = True
                self.crew.start(None, partial(prepare_all, files), now)
        chosen: list[Task] = []
        while self._pace.allows(self._under_way, now):
            task = self._again.popleft() if self._again else scheduler.next_task(self._desk, now)
            if task is None:
                break
            self._under_way += 1
            chosen.append(task)
        # What tasks are told to do must be known before it is done.
        self._desk.checkpoint.commit()
        for task in chosen:
            self.crew.start(task, partial(task.call, self._client), now)

    def _take(self, end: Ended | Scanned) -> None:
        desk = self._desk
        if isinstance(end, Scanned):
            if end.error is not None:
                raise end.error
            listing.add(desk.checkpoint, end.entries)
            desk.scanned |= end.last
            self.crew.took_in()
        elif end.task is None:
            desk.preparing = False
            chunks.fix(desk.checkpoint, end.value)
        else:
            self._under_way -= 1
            self._finish(end.task, end)

    def _finish(self, task: Task, end: Ended) -> None:
        now = self._timing.monotonic()
        if end.error is None:
            self._pace.went_well(self._under_way)
            self._last_good = now
            task.note(end.value, now)
        elif error_kinds.passes(end.error) and self._try_again(task, end.error, end.started, now):
            return
        elif not task.refuse(end.error):
            raise IngestStopped(f"It can't go on: {end.error}") from end.error
        if task.name is not None:
            self._desk.busy.discard(task.name)

    def _try_again(self, task: Task, error: ClientError, started: float, now: float) -> bool:
        """Slow down and have the task done again; tell whether it is worth it."""
        asked = error_kinds.asked_pause(error)
        self._pace.met_trouble(started=started, now=now, jitter=self._timing.jitter(), asked=asked)
        patience = self._desk.order.patience
        if self._last_good == self._began:
            patience = min(patience, FIRST_PATIENCE_SECONDS)
        if now - self._last_good > patience:
            raise IngestStopped(f"Nothing has gone well for {now - self._last_good:.0f} s: {error}") from error
        if not error_kinds.is_of_the_server(error):
            task.tries += 1
            if task.most_tries is not None and task.tries >= task.most_tries:
                return False
        self._again.append(task)
        return True

    def _patience(self) -> float:
        """Return for how many seconds to wait for an end; where none can come, let that time pass."""
        now = self._timing.monotonic()
        if self._pace.resume_at > now:
            wait = min(_TICK_SECONDS, self._pace.resume_at - now)
        elif self._pace.allows(self._under_way, now) and "look" not in self._desk.busy:
            wait = min(_TICK_SECONDS, self._desk.watch.due_in(now))
        else:
            wait = _TICK_SECONDS
        if self._under_way or self._desk.preparing or not self._desk.scanned:
            return wait
        self._timing.sleep(wait)
        return 0.0

    def _tell(self) -> None:
        now = self._timing.monotonic()
        if now >= self._tell_at:
            began = time.perf_counter()
            self._report(self.count())
            # Counting a million files takes a moment: it must not take the run's.
            self._tell_at = now + _REPORT_SECONDS + 20 * (time.perf_counter() - began)
