"""Bulk ingestion: members of one batch, a hundred a request, whose bytes go straight to S3."""

from collections.abc import Generator, Iterator
from typing import Any

import simpy

from shared.jobs.batch import MAX_MEMBERS
from simulation.front import Front
from simulation.jobs import Poison
from simulation.limits import limit
from simulation.queue import Queue

#: ``UploadSeconds`` and ten minutes: when the reconciler looks for the bytes of a member.
UPLOAD_SECONDS = 1500


def send_all(
    front: Front, queue: Queue, poisons: Iterator[Poison], *, callers: int
) -> Generator[simpy.Event, Any, None]:
    """Bring all members in, as fast as ``callers`` can that each have one request and its uploads under way."""
    lines = [front.env.process(_send(front, queue, poisons)) for _ in range(callers)]
    yield front.env.all_of(lines)


def _send(front: Front, queue: Queue, poisons: Iterator[Poison]) -> Generator[simpy.Event, Any, None]:
    while members := [poison for _, poison in zip(range(MAX_MEMBERS), poisons, strict=False)]:
        front.asked.offered += len(members)
        made: list[int] = []

        def steps(at: float, members: list[Poison] = members, made: list[int] = made) -> float | None:
            # What a first try has made, a second one finds: requests carry an Idempotency-Key.
            for poison in members[len(made) :]:
                accepted = front.accept_job(at, poison, is_bulk=True, due_after=UPLOAD_SECONDS)
                if accepted is None:
                    return None
                made.append(accepted[0])
                at = max(at, accepted[1] - limit("table_latency"))
            return at + limit("table_latency")

        yield from front.invoke(steps, tries=None)  # as ``safelight.ingest``, which waits for hours
        yield from _upload(front, queue, made)


def _upload(front: Front, queue: Queue, members: list[int]) -> Generator[simpy.Event, Any, None]:
    """Send the bytes of some members, all at once, until S3 has them; S3 tells the queue."""
    pause = 1.0
    while members:
        told: list[tuple[float, int]] = []
        for job in members:
            stored = front.store.call(front.store.raw_puts, front.env.now)
            if stored is not None:
                told.append((stored, job))
        sent = {job for _, job in told}
        members = [job for job in members if job not in sent]
        for stored, job in sorted(told):
            if stored > front.env.now:
                yield front.env.timeout(stored - front.env.now)
            front.jobs.created[job] = stored
            queue.send(job)
        if members:
            yield front.env.timeout(pause * front.dice.uniform(0.5, 1.5))
            pause = min(2 * pause, 20)
