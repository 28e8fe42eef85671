"""The simulated dead-letter function (``worker.dead_letters`` and ``shared.jobs.recovery.decide_dead_letter``)."""

from collections import defaultdict
from collections.abc import Callable

from simulation.event_source_mapping import InvocationResult
from simulation.jobs import Jobs, State
from simulation.limits import get_limit
from simulation.message import Message
from simulation.settings import Settings
from simulation.table import Table


def handle_dead_letters(  # noqa: PLR0913, PLR0917 - what the function reads and writes
    batch: list[Message],
    started: float,
    jobs: Jobs,
    table: Table,
    settings: Settings,
    watch: Callable[[int, float], None],
) -> InvocationResult:
    """Postpone each job that has attempts and dead letters left, and end the other jobs."""
    returned: defaultdict[float, list[Message]] = defaultdict(list)
    at = started
    for message in batch:
        job = message.job
        table.read()
        at += get_limit("table_latency")
        if jobs.is_done(job):
            continue
        if jobs.is_leased(job, at):
            returned[max(1.0, jobs.lease[job] - at)].append(message)
            continue
        written = table.reschedule(job, at)
        if written is None:
            returned[1.0].append(message)
            continue
        at = written
        due = jobs.next_due(job, at, settings)
        jobs.dead_letters[job] = min(jobs.dead_letters[job] + 1, 100)
        max_age = settings.longest_redispatch * settings.max_dead_letters
        should_give_up = jobs.dead_letters[job] >= settings.max_dead_letters and at - jobs.created[job] >= max_age
        if jobs.attempts[job] >= settings.max_receives or should_give_up:
            jobs.set_state(job, State.DEAD, at)
        else:
            jobs.due[job] = due
            watch(job, due)
    return InvocationResult(at - started, returned)
