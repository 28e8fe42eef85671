"""Bulk uploads. A request creates up to a hundred batch members, and the client sends their files directly to S3."""

from collections.abc import Generator, Iterator
from typing import Any

import simpy

from shared.jobs.batch import MAX_MEMBERS
from simulation.api import Api
from simulation.jobs import Defect
from simulation.limits import get_limit
from simulation.queue import Queue

#: Seconds after which the reconciler checks if a member's file was uploaded: ``UploadSeconds`` plus ten minutes.
UPLOAD_SECONDS = 1500


def upload_members(
    api: Api, queue: Queue, defects: Iterator[Defect], *, max_concurrency: int
) -> Generator[simpy.Event, Any, None]:
    """Upload one member per defect.

    Each of ``max_concurrency`` clients sends a request, uploads the members that it created, and repeats this.
    """
    clients = [api.env.process(_run_client(api, queue, defects)) for _ in range(max_concurrency)]
    yield api.env.all_of(clients)


def _run_client(api: Api, queue: Queue, defects: Iterator[Defect]) -> Generator[simpy.Event, Any, None]:
    while members := [defect for _, defect in zip(range(MAX_MEMBERS), defects, strict=False)]:
        api.counts.offered += len(members)
        created: list[int] = []

        def handle(at: float, members: list[Defect] = members, created: list[int] = created) -> float | None:
            # A retry does not create members again, because requests have an Idempotency-Key.
            for defect in members[len(created) :]:
                job = api.create_job(at, defect, is_bulk=True, due_after=UPLOAD_SECONDS)
                if job is None:
                    return None
                created.append(job[0])
                at = max(at, job[1] - get_limit("table_latency"))
            return at + get_limit("table_latency")

        yield from api.call(handle, max_attempts=None)  # ``safelight.ingest`` retries for hours.
        yield from _upload_bytes(api, queue, created)


def _upload_bytes(api: Api, queue: Queue, members: list[int]) -> Generator[simpy.Event, Any, None]:
    """Upload the files of some members concurrently. S3 then sends the messages of these members."""
    pause = 1.0
    while members:
        uploads: list[tuple[float, int]] = []
        for job in members:
            stored = api.bucket.call(api.bucket.raw_puts, api.env.now)
            if stored is not None:
                uploads.append((stored, job))
        done = {job for _, job in uploads}
        members = [job for job in members if job not in done]
        for stored, job in sorted(uploads):
            if stored > api.env.now:
                yield api.env.timeout(stored - api.env.now)
            api.jobs.created[job] = stored
            queue.send(job)
        if members:
            yield api.env.timeout(pause * api.rng.uniform(0.5, 1.5))
            pause = min(2 * pause, 20)
