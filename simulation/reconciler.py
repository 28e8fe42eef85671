"""The simulated reconciler (``worker.reconciler``). Once a minute, it requeues overdue jobs.

The real one takes the jobs of its shards in turn. The model has one queue instead, by due time.
"""

import heapq
from collections.abc import Callable, Generator
from typing import Any

import simpy

from shared.aws.dynamodb.job_indexes import PAGE_SIZE
from shared.aws.dynamodb.job_item import OPEN_SHARDS
from simulation.functions import Function
from simulation.jobs import Jobs, State
from simulation.limits import get_limit
from simulation.settings import Settings
from simulation.table import Table

PERIOD = 60
TIMEOUT = 60
#: The reconciler stops this many seconds before its timeout, as in ``worker.reconciler``.
MARGIN = 10


class Reconciler:
    """Sends messages for overdue jobs."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads and writes
        self,
        env: simpy.Environment,
        jobs: Jobs,
        table: Table,
        function: Function,
        settings: Settings,
        send: Callable[[int], None],
    ) -> None:
        """Start the schedule with one run per minute."""
        #: Number of requeued jobs.
        self.requeued = 0
        self._env = env
        self._jobs = jobs
        self._table = table
        self._function = function
        self._settings = settings
        self._send = send
        self._due: list[tuple[float, int]] = []
        env.process(self._run())

    def watch(self, job: int, due: float) -> None:
        """Check a job when it is due. If its due time changes before, this call has no effect."""
        heapq.heappush(self._due, (due, job))

    def _run(self) -> Generator[simpy.Event, Any, None]:
        env = self._env
        while True:
            yield env.timeout(PERIOD)
            started = env.now
            if self._function.start(started) is None:
                continue
            yield from self._requeue_overdue(started)
            self._function.finish(env.now, env.now - started)

    def _requeue_overdue(self, started: float) -> Generator[simpy.Event, Any, None]:
        # Seconds to read a job, write it and send its message.
        step = (2 * get_limit("table_latency") + get_limit("queue_latency")) / self._settings.reconcilers
        count = 0
        while self._due and self._due[0][0] < started:
            due, job = heapq.heappop(self._due)
            # If a due time changes, the heap gets a new entry, and the old entry remains. Ignore old entries.
            if self._jobs.is_done(job) or self._jobs.due[job] != due or self._jobs.is_leased(job, started):
                continue
            self._requeue(job, self._env.now + count % PAGE_SIZE * step)
            count += 1
            if count % PAGE_SIZE == 0:
                yield self._env.timeout(PAGE_SIZE * step)
                if self._env.now - started > TIMEOUT - MARGIN:
                    return
        yield self._env.timeout(count % PAGE_SIZE * step + OPEN_SHARDS * get_limit("table_latency"))

    def _requeue(self, job: int, now: float) -> None:
        jobs = self._jobs
        self._table.read()
        if self._table.reschedule(job, now) is None:
            self.watch(job, jobs.due[job])
            return
        if jobs.attempts[job] >= self._settings.max_receives:
            jobs.set_state(job, State.DEAD, now)
            return
        jobs.due[job] = jobs.next_due(job, now, self._settings)
        jobs.requeues[job] = min(jobs.requeues[job] + 1, 100)
        self.watch(job, jobs.due[job])
        self._send(job)
        self.requeued += 1
