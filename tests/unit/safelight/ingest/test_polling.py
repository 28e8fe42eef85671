"""The poller on a clock that the test advances: when it learns that jobs have ended, and with how many requests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from safelight.ingest.checkpoint import files
from safelight.ingest.checkpoint.database import Checkpoint, open_checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.polling import Poller
from safelight.models import Job, MemberPage

IMAGES = 300
#: Seconds that one step of the simulated time takes.
STEP = 0.05


def add_sent_files(checkpoint: Checkpoint) -> list[str]:
    """Add files that are uploaded, and return the IDs of their jobs."""
    jobs = [f"job-{number:04}" for number in range(IMAGES)]
    checkpoint.database.execute("INSERT INTO batches (number, id) VALUES (1, 'batch')")
    checkpoint.database.executemany(
        f"INSERT INTO files (identity, source, state, batch, job, sent_at) VALUES (?, ?, {State.SENT:d}, 1, ?, 0)",  # noqa: S608 - a number
        [(job.encode(), job.encode(), job) for job in jobs],
    )
    return jobs


def poll_until_done(checkpoint: Checkpoint, count_ended: Callable[[float], float]) -> tuple[float, int]:
    """Poll until no job is open. Return the time when this is known, and the number of requests.

    ``count_ended`` returns how many jobs have ended at a time. They end in the order of their IDs.
    """
    jobs = add_sent_files(checkpoint)
    poller = Poller(0.0)
    now, requests = 0.0, 0
    while files.count_files(checkpoint, State.SENT, 1):
        now += STEP
        ended = set(jobs[: int(count_ended(now))])
        while request := poller.next_page(checkpoint, now):
            requests += 1
            later = [job for job in jobs if job > (request.after or "")][: request.limit]
            page = [Job(id=job, status="COMPLETED" if job in ended else "PENDING", done=job in ended) for job in later]
            poller.record_page(checkpoint, request, MemberPage(items=tuple(page)), now, now)
    return now, requests


@pytest.mark.parametrize(
    ("first", "seconds", "then"),
    [
        pytest.param(20, 15, 20, id="steady"),
        pytest.param(8, 6, 30, id="faster after the uploads"),
        pytest.param(3, 5, 30, id="much faster after the uploads"),
        pytest.param(40, 5, 10, id="slower at the end"),
    ],
)
def test_the_end_of_a_run_is_known_soon(tmp_path: Path, first: int, seconds: int, then: int) -> None:
    """At most 0.5 s after the last job, with few requests. ``first`` jobs end per second, and ``then`` later."""
    end = seconds + (IMAGES - first * seconds) / then
    with open_checkpoint(tmp_path / "checkpoint.sqlite") as checkpoint:
        known, requests = poll_until_done(
            checkpoint, lambda now: first * min(now, seconds) + then * max(now - seconds, 0)
        )
    assert end <= known <= end + 0.5
    assert requests <= 20
