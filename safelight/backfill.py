"""Driving a backfill: ask for members until all are made, then wait until all are done."""

from collections.abc import Callable

from safelight.client import Safelight
from safelight.models import Batch
from safelight.transport.timing import REAL, Timing

#: Distance of the second look from the first.
FIRST_SECONDS = 0.5
GROWTH = 1.5
LONGEST_SECONDS = 10.0

Report = Callable[[Batch], None]


def drive(client: Safelight, batch: Batch, report: Report, *, wait: bool, timing: Timing = REAL) -> Batch:
    """Go on with a backfill until all its members are made and, with ``wait``, have ended; return it.

    The API keeps how far it is: stopped at any moment, by any end, the next call goes on there. Raises ClientError.
    """
    report(batch)
    while not batch.is_filled:
        batch = client.batches.go_on(batch.id)
        report(batch)
    pause = FIRST_SECONDS
    while wait and not batch.done:
        timing.sleep(pause)
        pause = min(LONGEST_SECONDS, pause * GROWTH)
        batch = client.batches.get(batch.id)
        report(batch)
    return batch
