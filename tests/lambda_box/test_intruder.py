"""A taken-over decoder in the box: its child was started and confined as in production."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from support.lambda_box.box import EVERYTHING, NOTHING, PRCTL, Refusals
from support.lambda_box.stack import BoxedStack
from support.sandboxes import FRAME

PROBES: Final = (Path(__file__).parents[1] / "hostile" / "probes.py").read_text("utf-8")
#: What the limits alone cannot refuse, by the words of docs/security.md.
REACHED: Final = {
    "signals the worker": {
        "signal the worker",
        "signal everything",
        "signal a thread of the worker",
        "let the kernel signal the worker",
    },
    "slows down the worker": {
        "renice the worker",
        "schedule the worker",
        "move the worker to one processor",
        "lower the worker's disk priority",
        "limit the worker",
    },
    "learns whether two processes share a resource": {"compare processes"},
    "creates shared memory, message queues and semaphores": {"shared memory", "a message queue", "a semaphore"},
    "changes names and lengths of files of its user in `/tmp`": {
        "truncate a file",
        "delete a file",
        "rename a file",
        "link a file",
        "make a symbolic link",
        "make a folder",
        "remove a folder",
        "make a named pipe",
        "change a mode",
        "change a time",
        "look at a file",
        "enter a folder",
    },
}


@pytest.mark.parametrize(
    ("refusals", "reached"),
    [(NOTHING, set()), (PRCTL, set()), (EVERYTHING, set().union(*REACHED.values()))],
    ids=["nothing", "prctl", "prctl, namespaces and Landlock"],
)
def test_every_probe_is_refused(
    stack: BoxedStack,
    refusals: Refusals,
    reached: set[str],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """With prctl and without it, all probes are refused if the kernel has Landlock. The limits alone refuse most."""
    with stack.start("worker", refusals, "box_intruder.handler") as box:
        report = box.invoke({"frame": FRAME, "probes": PROBES})
    found = {name: got for name, got in report["probes"].items() if got != "refused"}
    assert len(report["probes"]) == 95
    record_property("shown", f"refused: {request.node.callspec.id}; reached: {', '.join(found) or 'nothing'}")
    assert found.keys() <= reached, found
    assert report["is_unchanged"] or reached


def test_a_damaged_worker_ends(stack: BoxedStack) -> None:
    """A child can lower the limits of the worker, so the worker ends and Lambda starts another."""
    with stack.start("worker", EVERYTHING, "box_intruder.damaging_handler") as box:
        with pytest.raises(AssertionError, match="has ended"):
            box.try_invoke({"frame": FRAME, "Records": []})
        assert '"changed":["RLIMIT_NOFILE"]' in box.read_log()


def test_security_page_names_what_the_limits_allow() -> None:
    """Each thing that the limits cannot refuse is on the page."""
    page = " ".join((Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8").split())
    assert [words for words in REACHED if words not in page] == []
