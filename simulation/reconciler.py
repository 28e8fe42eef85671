"""The reconciler: as ``worker.reconciler``, once a minute, shard by shard, one overdue job after the other."""

import heapq
from collections.abc import Callable, Generator
from typing import Any

import simpy

from shared.aws.dynamodb.job_item import OPEN_SHARDS
from shared.aws.dynamodb.open_jobs import PAGE
from simulation.functions import Function
from simulation.jobs import Jobs, State
from simulation.limits import limit
from simulation.settings import Settings
from simulation.table import Table

PERIOD = 60
TIMEOUT = 60
#: Seconds, as in the template and in ``worker.reconciler``.
MARGIN = 10


class Reconciler:
    """Sends messages for jobs that are overdue."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, writes and tells
        self,
        env: simpy.Environment,
        jobs: Jobs,
        table: Table,
        function: Function,
        settings: Settings,
        send: Callable[[int], None],
    ) -> None:
        """Begin to look, once a minute."""
        self.swept = 0
        """Messages sent again."""
        self.most_overdue = 0
        self._env = env
        self._jobs = jobs
        self._table = table
        self._function = function
        self._settings = settings
        self._send = send
        self._due: list[list[tuple[float, int]]] = [[] for _ in range(OPEN_SHARDS)]
        env.process(self._run())

    def watch(self, job: int, due: float) -> None:
        """Look at a job when it is due, unless its due time moves."""
        heapq.heappush(self._due[job % OPEN_SHARDS], (due, job))

    def _run(self) -> Generator[simpy.Event, Any, None]:
        env = self._env
        while True:
            yield env.timeout(PERIOD)
            began = env.now
            if self._function.begin(began) is None:
                continue
            yield from self._sweep(began)
            self._function.end(env.now, env.now - began)

    def _sweep(self, began: float) -> Generator[simpy.Event, Any, None]:
        # A look and a move at the table, and a message: one after the other.
        step = (2 * limit("table_latency") + limit("queue_latency")) / self._settings.reconcilers
        for shard in self._due:
            told = 0
            while shard and shard[0][0] < began:
                due, job = heapq.heappop(shard)
                # Each move of a due time makes an entry of its own, and leaves the old one behind.
                if self._jobs.is_over(job) or self._jobs.due[job] != due or self._jobs.is_leased(job, began):
                    continue
                self._move(job, self._env.now + told * step)
                told += 1
                if told % PAGE == 0:
                    yield self._env.timeout(PAGE * step)
                    if self._env.now - began > TIMEOUT - MARGIN:
                        return
            yield self._env.timeout(told % PAGE * step + limit("table_latency"))

    def _move(self, job: int, now: float) -> None:
        jobs = self._jobs
        self._table.read()
        if self._table.put_off(job, now) is None:
            self.watch(job, jobs.due[job])
            return
        if jobs.attempts[job] >= self._settings.max_receives:
            jobs.move(job, State.DEAD, now)
            return
        jobs.due[job] = jobs.next_due(job, now, self._settings)
        jobs.sweeps[job] = min(jobs.sweeps[job] + 1, 100)
        self.watch(job, jobs.due[job])
        self._send(job)
        self.swept += 1
