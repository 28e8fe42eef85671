"""The dead-letter function: as ``worker.dead_letters`` and ``shared.jobs.recovery.bury``."""

from collections import defaultdict
from collections.abc import Callable

from simulation.jobs import Jobs, State
from simulation.limits import limit
from simulation.mapping import Delivery
from simulation.queue import Message
from simulation.settings import Settings
from simulation.table import Table


def bury(  # noqa: PLR0913, PLR0917 - what a burial reads and writes
    batch: list[Message],
    began: float,
    jobs: Jobs,
    table: Table,
    settings: Settings,
    watch: Callable[[int, float], None],
) -> Delivery:
    """Put each job off while it has attempts and patience left, else end it."""
    returned: defaultdict[float, list[Message]] = defaultdict(list)
    at = began
    for message in batch:
        job = message.job
        table.read()
        at += limit("table_latency")
        if jobs.is_over(job):
            continue
        if jobs.is_leased(job, at):
            returned[max(1.0, jobs.lease[job] - at)].append(message)
            continue
        written = table.put_off(job, at)
        if written is None:
            returned[1.0].append(message)
            continue
        at = written
        due = jobs.next_due(job, at, settings)
        jobs.letters[job] = min(jobs.letters[job] + 1, 100)
        patience = settings.longest_redispatch * settings.max_dead_letters
        is_given_up = jobs.letters[job] >= settings.max_dead_letters and at - jobs.created[job] >= patience
        if jobs.attempts[job] >= settings.max_receives or is_given_up:
            jobs.move(job, State.DEAD, at)
        else:
            jobs.due[job] = due
            watch(job, due)
    return Delivery(at - began, returned)
