"""Tests of the priority of record threads and render processes."""

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


def test_only_record_threads_get_a_lower_priority() -> None:
    """The calling thread keeps its priority."""
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


def test_child_priority_does_not_depend_on_the_starting_thread() -> None:
    """A child that a bulk record has started also renders interactive images."""
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
