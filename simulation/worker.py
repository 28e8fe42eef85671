"""The worker: one delivery, worked out when it begins.

As ``worker.app``: records are started in their order, some at a time; each claims its job, fetches, waits for a child,
is rendered, stored and committed. What can't be done goes back by itself, and the others are acknowledged.
"""

import heapq
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from simulation.draws import Draw
from simulation.jobs import Jobs, Poison, State
from simulation.limits import limit
from simulation.mapping import Delivery
from simulation.queue import Message
from simulation.settings import Settings
from simulation.store import Store
from simulation.table import Table
from worker.app import FIRST_RETURN

FIRST = FIRST_RETURN.total_seconds()


class Phase(IntEnum):
    """What happens to a record next."""

    START = 0
    RENDER = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a worker works with."""

    jobs: Jobs
    table: Table
    store: Store
    settings: Settings
    dice: random.Random
    render: Draw
    #: An image that is refused, or the child that it kills.
    refuse: Draw
    #: A delivery without records: the handler, the batch processor, the log.
    overhead: Draw
    #: Tells the index ``Open`` when a job is due that nobody has at hand any more.
    watch: Callable[[int, float], None]


@dataclass(slots=True)
class Course:
    """One delivery as it goes."""

    began: float
    ends: list[tuple[int, State, float]] = field(default_factory=list)
    claimed: list[int] = field(default_factory=list)
    returned: defaultdict[float, list[Message]] = field(default_factory=lambda: defaultdict(list))
    last: float = 0
    crash: float | None = None


def deliver(batch: list[Message], began: float, bench: Bench) -> Delivery:
    """Work a batch out: how long it takes, who comes back, who ends."""
    settings = bench.settings
    course = Course(began, last=began)
    children = [began] * settings.children
    waiting = iter(batch)
    # (moment, order, phase, message): the order keeps messages from being compared.
    agenda: list[tuple[float, int, Phase, Message | None]] = [
        (began, place, Phase.START, None) for place in range(settings.side_by_side)
    ]
    order = len(agenda)
    while agenda:
        at, _, phase, message = heapq.heappop(agenda)
        if course.crash is not None and at >= course.crash:
            break
        order += 1
        if phase is Phase.RENDER and message is not None:
            child = min(range(len(children)), key=children.__getitem__)
            children[child], done = _rendered(message, max(at, children[child]), course, bench)
            heapq.heappush(agenda, (done, order, Phase.START, None))
            continue
        course.last = max(course.last, at)
        message = next(waiting, None)
        if message is None:
            continue
        ready, goes_on = _fetched(message, at, course, bench)
        heapq.heappush(agenda, (ready, order, Phase.RENDER, message) if goes_on else (ready, order, Phase.START, None))
    return _delivery(course, bench)


def _delivery(course: Course, bench: Bench) -> Delivery:
    ended = course.last if course.crash is None else course.crash

    def finish() -> None:
        for job, state, at in course.ends:
            if at <= ended and not bench.jobs.is_over(job):
                bench.jobs.move(job, state, at)
        if course.crash is not None:
            for job in course.claimed:
                bench.watch(job, bench.jobs.due[job])

    seconds = ended - course.began + bench.overhead(bench.dice)
    return Delivery(seconds, course.returned, crashed=course.crash is not None, finish=finish)


def _fetched(message: Message, at: float, course: Course, bench: Bench) -> tuple[float, bool]:
    """Claim and fetch; return when, and whether there is something to render."""
    jobs, job = bench.jobs, message.job
    if at - course.began > bench.settings.worker_timeout - bench.settings.record_seconds:
        course.returned[1.0].append(message)
        return at, False
    if jobs.is_over(job):
        bench.table.read()
        return at + limit("table_latency"), False
    if jobs.is_leased(job, at):
        course.returned[float(max(1, int(jobs.lease[job] - at) + 1))].append(message)
        return at + limit("table_latency"), False
    claimed = bench.table.claim(job, at)
    if claimed is None:
        return _failed(message, at, course, bench), False
    jobs.move(job, State.PROCESSING, claimed)
    jobs.attempts[job] += 1
    course.claimed.append(job)
    jobs.lease[job] = at + bench.settings.worker_timeout
    jobs.due[job] = jobs.lease[job] + 60  # as JobTable.claim
    fetched = bench.store.call(bench.store.raw_gets, claimed)
    if fetched is None:
        return _given_back(message, claimed, course, bench), False
    return fetched, True


def _rendered(message: Message, at: float, course: Course, bench: Bench) -> tuple[float, float]:
    """Render, store and commit; return when the child is free, and when the record is done."""
    jobs, job = bench.jobs, message.job
    poison = jobs.poison[job]
    if poison == Poison.KILLS_WORKER:
        course.crash = at + bench.refuse(bench.dice)
        return course.crash, course.crash
    if poison != Poison.NONE:
        ended = at + bench.refuse(bench.dice)
        free = ended + (limit("cold_start") if poison == Poison.KILLS_CHILD else 0)
        return free, _commit(message, ended, State.FAILED, course, bench)
    rendered = at + bench.render(bench.dice)
    stored = bench.store.call(bench.store.processed_puts, rendered)
    if stored is None:
        return rendered, _given_back(message, rendered, course, bench)
    return rendered, _commit(message, stored, State.COMPLETED, course, bench)


def _commit(message: Message, at: float, state: State, course: Course, bench: Bench) -> float:
    committed = bench.table.commit(message.job, at, is_bulk=bool(bench.jobs.is_bulk[message.job]))
    if committed is None:
        return _given_back(message, at, course, bench)
    course.ends.append((message.job, state, committed))
    return committed


def _given_back(message: Message, at: float, course: Course, bench: Bench) -> float:
    """Release a job that a service has failed: the attempt does not count, and the message comes back ever later."""
    jobs, job = bench.jobs, message.job
    at += limit("fault_seconds")
    if bench.table.put_off(job, at) is not None:
        jobs.move(job, State.PENDING, at)
        jobs.attempts[job] -= 1
        jobs.due[job] = at + bench.settings.redispatch
    bench.watch(job, jobs.due[job])
    return _failed(message, at, course, bench)


def _failed(message: Message, at: float, course: Course, bench: Bench) -> float:
    longest = min(FIRST * (1 << min(message.receives, 10)), bench.settings.worker_timeout * 4)
    course.returned[longest * bench.dice.uniform(0.5, 1)].append(message)
    return at
