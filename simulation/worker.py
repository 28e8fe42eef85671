"""The simulated worker. An invocation is computed completely when it starts.

As in ``worker.app``, records start in order with limited concurrency. For each record, the worker claims the job,
downloads the image, waits for a child process, renders the image, uploads the output and commits. If a record fails,
only its message returns to the queue.
"""

import heapq
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from simulation.distributions import Distribution
from simulation.event_source_mapping import InvocationResult
from simulation.jobs import Defect, Jobs, State
from simulation.limits import get_limit
from simulation.message import Message
from simulation.s3 import S3Bucket
from simulation.settings import Settings
from simulation.table import Table
from worker.app import FIRST_RETRY_DELAY

FIRST_DELAY = FIRST_RETRY_DELAY.total_seconds()


class Phase(IntEnum):
    """The next step of a record."""

    START = 0
    RENDER = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDependencies:
    """What the worker needs: jobs, services, settings and durations."""

    jobs: Jobs
    table: Table
    bucket: S3Bucket
    settings: Settings
    rng: random.Random
    render: Distribution
    #: Time until an image is rejected, or until it crashes its process.
    reject: Distribution
    #: Time that an invocation needs besides its records, for the handler, the batch processor and the log.
    overhead: Distribution
    #: Function that adds a job and its due time to the index ``Open``. It is called when the worker leaves a job open.
    watch: Callable[[int, float], None]


@dataclass(slots=True)
class DeliveryRun:
    """The progress of one invocation."""

    started: float
    final_states: list[tuple[int, State, float]] = field(default_factory=list)
    claimed: list[int] = field(default_factory=list)
    returned: defaultdict[float, list[Message]] = field(default_factory=lambda: defaultdict(list))
    last: float = 0
    crash: float | None = None


def process_batch(batch: list[Message], started: float, dependencies: WorkerDependencies) -> InvocationResult:
    """Compute the duration of an invocation, the returned messages and the final states of its jobs."""
    settings = dependencies.settings
    run = DeliveryRun(started, last=started)
    children = [started] * settings.children
    waiting = iter(batch)
    # The entries are (time, order, phase, message). Because of the order, messages are never compared.
    events: list[tuple[float, int, Phase, Message | None]] = [
        (started, index, Phase.START, None) for index in range(settings.max_concurrency)
    ]
    order = len(events)
    while events:
        at, _, phase, message = heapq.heappop(events)
        if run.crash is not None and at >= run.crash:
            break
        order += 1
        if phase is Phase.RENDER and message is not None:
            child = min(range(len(children)), key=children.__getitem__)
            children[child], done = _render_and_store(message, max(at, children[child]), run, dependencies)
            heapq.heappush(events, (done, order, Phase.START, None))
            continue
        run.last = max(run.last, at)
        message = next(waiting, None)
        if message is None:
            continue
        ready, is_claimed = _claim_and_download(message, at, run, dependencies)
        heapq.heappush(
            events, (ready, order, Phase.RENDER, message) if is_claimed else (ready, order, Phase.START, None)
        )
    return _make_result(run, dependencies)


def _make_result(run: DeliveryRun, dependencies: WorkerDependencies) -> InvocationResult:
    jobs = dependencies.jobs
    ended = run.last if run.crash is None else run.crash

    def apply() -> None:
        for job, state, at in run.final_states:
            if at <= ended and not jobs.is_done(job):
                jobs.set_state(job, state, at)
        if run.crash is not None:
            for job in run.claimed:
                dependencies.watch(job, jobs.due[job])

    seconds = ended - run.started + dependencies.overhead(dependencies.rng)
    return InvocationResult(seconds, run.returned, crashed=run.crash is not None, on_end=apply)


def _claim_and_download(
    message: Message, at: float, run: DeliveryRun, dependencies: WorkerDependencies
) -> tuple[float, bool]:
    """Claim a job and download its image. Return the end time, and True if the image was downloaded."""
    jobs, job = dependencies.jobs, message.job
    settings = dependencies.settings
    if at - run.started > settings.worker_timeout - settings.record_seconds:
        run.returned[1.0].append(message)
        return at, False
    if jobs.is_done(job):
        dependencies.table.read()
        return at + get_limit("table_latency"), False
    if jobs.is_leased(job, at):
        run.returned[float(max(1, int(jobs.lease[job] - at) + 1))].append(message)
        return at + get_limit("table_latency"), False
    claimed = dependencies.table.claim(job, at)
    if claimed is None:
        return _return_message(message, at, run, dependencies), False
    jobs.set_state(job, State.PROCESSING, claimed)
    jobs.attempts[job] += 1
    run.claimed.append(job)
    jobs.lease[job] = at + settings.worker_timeout
    jobs.due[job] = jobs.lease[job] + 60  # as JobTable.claim
    downloaded = dependencies.bucket.call(dependencies.bucket.raw_gets, claimed)
    if downloaded is None:
        return _release(message, claimed, run, dependencies), False
    return downloaded, True


def _render_and_store(
    message: Message, at: float, run: DeliveryRun, dependencies: WorkerDependencies
) -> tuple[float, float]:
    """Render, upload and commit. Return the times when the child process is free and when the record is processed."""
    jobs, job = dependencies.jobs, message.job
    defect = jobs.defect[job]
    if defect == Defect.CRASHES_WORKER:
        run.crash = at + dependencies.reject(dependencies.rng)
        return run.crash, run.crash
    if defect != Defect.NONE:
        ended = at + dependencies.reject(dependencies.rng)
        free = ended + (get_limit("cold_start") if defect == Defect.CRASHES_CHILD else 0)
        return free, _commit(message, ended, State.FAILED, run, dependencies)
    rendered = at + dependencies.render(dependencies.rng)
    stored = dependencies.bucket.call(dependencies.bucket.processed_puts, rendered)
    if stored is None:
        return rendered, _release(message, rendered, run, dependencies)
    return rendered, _commit(message, stored, State.COMPLETED, run, dependencies)


def _commit(message: Message, at: float, state: State, run: DeliveryRun, dependencies: WorkerDependencies) -> float:
    is_bulk = bool(dependencies.jobs.is_bulk[message.job])
    committed = dependencies.table.commit(message.job, at, is_bulk=is_bulk)
    if committed is None:
        return _release(message, at, run, dependencies)
    run.final_states.append((message.job, state, committed))
    return committed


def _release(message: Message, at: float, run: DeliveryRun, dependencies: WorkerDependencies) -> float:
    """Release a job after a service fault, without counting the attempt, and return its message with a backoff."""
    jobs, job = dependencies.jobs, message.job
    at += get_limit("fault_seconds")
    if dependencies.table.reschedule(job, at) is not None:
        jobs.set_state(job, State.PENDING, at)
        jobs.attempts[job] -= 1
        jobs.due[job] = at + dependencies.settings.redispatch
    dependencies.watch(job, jobs.due[job])
    return _return_message(message, at, run, dependencies)


def _return_message(message: Message, at: float, run: DeliveryRun, dependencies: WorkerDependencies) -> float:
    max_delay = min(FIRST_DELAY * (1 << min(message.receives, 10)), dependencies.settings.worker_timeout * 4)
    run.returned[max_delay * dependencies.rng.uniform(0.5, 1)].append(message)
    return at
