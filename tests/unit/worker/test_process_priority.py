"""Who gives way where functions share processors."""

import os
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from support import events
from support.sandboxes import LIMITS, process_ids, sandbox

from shared.observability import make_logger
from shared.pipeline.pipeline import DEFAULT_PIPELINE
from shared.sqs_batch import process_records
from worker.process_priority import BULK_NICENESS, RENDERING_NICENESS, lower_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority of their own on Linux alone")
PICTURE = Path(__file__).parents[3] / "safelight" / "demo_images" / "clock-small.png"


def niceness() -> int:
    """Return that of the calling thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_only_the_records_of_a_delivery_give_way() -> None:
    """The threads of a delivery do; the one that hands its records out, and later those of others, does not."""
    seen: list[int] = []
    before = niceness()
    messages = [{"MessageId": body, "ReceiptHandle": body, "Body": body} for body in "abc"]
    process_records(
        events.sqs(*messages, queue="jobs"),
        events.Context(),  # type: ignore[arg-type] # has what is read of a context
        lambda _record, _context: seen.append(niceness()),
        make_logger("test"),
        max_concurrency=2,
        initializer=partial(lower_priority, BULK_NICENESS),
    )
    assert seen == [BULK_NICENESS] * 3
    assert niceness() == before


def test_a_child_has_the_same_priority_whoever_starts_it() -> None:
    """A child that a bulk record has started renders interactive images too, and must not be slower at that."""
    before = process_ids()
    with sandbox() as box:

        def render() -> None:
            lower_priority(BULK_NICENESS)
            box.render(PICTURE.read_bytes(), DEFAULT_PIPELINE, LIMITS)

        record = threading.Thread(target=render)
        record.start()
        record.join()
        (child,) = process_ids() - before
        assert os.getpriority(os.PRIO_PROCESS, child) == RENDERING_NICENESS
