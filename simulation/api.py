"""The simulated API: the gateway's throttling, the API function, and clients that retry."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count
from typing import Any

import simpy

from simulation.distributions import Distribution
from simulation.functions import Function
from simulation.jobs import Defect, Jobs
from simulation.limits import get_limit
from simulation.queue import Queue
from simulation.s3 import S3Bucket
from simulation.settings import Settings
from simulation.table import Table
from simulation.token_bucket import TokenBucket

#: A client that uploads one image gives up after this many attempts. The pause between them starts at one second and
#: doubles.
MAX_ATTEMPTS = 6
#: Longest pause between two attempts in seconds, as in ``safelight.ingest``.
MAX_PAUSE = 20


@dataclass(slots=True)
class RequestCounts:
    """Counts of images and requests."""

    #: Images that clients want to upload.
    offered: int = 0
    accepted: int = 0
    #: Images whose client gave up.
    abandoned: int = 0
    requests: int = 0
    #: Requests that the gateway (429) or Lambda refused.
    throttled: int = 0
    #: Requests for which the API returned 503 because a service failed.
    faults: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The path of a request: the gateway, the API function, the table and the bucket."""

    env: simpy.Environment
    gateway: TokenBucket
    function: Function
    jobs: Jobs
    table: Table
    bucket: S3Bucket
    settings: Settings
    rng: random.Random
    #: The time that the API function needs for one request, without calls of other services.
    accept: Distribution
    cold_start: Distribution
    watch: Callable[[int, float], None]
    counts: RequestCounts

    def call(
        self, handle: Callable[[float], float | None], *, max_attempts: int | None = MAX_ATTEMPTS
    ) -> Generator[simpy.Event, Any, bool]:
        """Send a request until it succeeds or the client gives up. Return True if it succeeds.

        ``handle`` takes the start time and returns the end time, or None if the API returns 503. If ``max_attempts``
        is None, the client never gives up.
        """
        env = self.env
        for attempt in range(max_attempts) if max_attempts else count():
            if attempt:
                yield env.timeout(min(1 << (attempt - 1), MAX_PAUSE) * self.rng.uniform(0.5, 1.5))
            self.counts.requests += 1
            is_cold = self.function.start(env.now) if self.gateway.take(env.now) else None
            if is_cold is None:
                self.counts.throttled += 1
                continue
            started = env.now
            if is_cold:
                yield env.timeout(self.cold_start(self.rng))
            done = handle(env.now + self.accept(self.rng))
            yield env.timeout((env.now + get_limit("fault_seconds") if done is None else done) - env.now)
            self.function.finish(env.now, env.now - started)
            if done is not None:
                return True
            self.counts.faults += 1
        return False

    def create_job(self, at: float, defect: Defect, *, is_bulk: bool, due_after: float) -> tuple[int, float] | None:
        """Write a job. Return its number and the time of the write, or None if the table refuses the write."""
        written = self.table.create(len(self.jobs), at, is_bulk=is_bulk)
        if written is None:
            return None
        job = self.jobs.add(written, written + due_after, defect, is_bulk=is_bulk)
        self.watch(job, written + due_after)
        self.counts.accepted += 1
        return job, written

    def upload(self, defect: Defect, queue: Queue) -> Generator[simpy.Event, Any, None]:
        """Upload one image with ``POST /v1/jobs``."""
        self.counts.offered += 1
        created: list[int] = []

        def handle(at: float) -> float | None:
            stored = self.bucket.call(self.bucket.raw_puts, at)
            if stored is None:
                return None
            job = self.create_job(stored, defect, is_bulk=False, due_after=self.settings.redispatch)
            if job is None:
                return None
            created.append(job[0])
            return job[1] + get_limit("queue_latency")

        if not (yield from self.call(handle)):
            self.counts.abandoned += 1
            return
        queue.send(created[-1])
