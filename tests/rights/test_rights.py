"""Each function's rights are those that it uses: what the engines of `make e2e` recorded, against the template."""

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import pytest
from support import recorded_calls
from support.recorded_calls import Right

#: Statements and actions that no code of ours uses but AWS asks for, and why the embedded engine sees none of them.
BY_THE_PLATFORM = {
    "Log": "Lambda writes a function's logs in its name; the embedded engine writes them in its own",
    "TellMissingFromForbidden": "S3 decides by it what to answer for an object that is gone; the engine does not",
    "TakeChanges": "Lambda reads the stream in a function's name; the embedded engine reads it in its own",
    "sqs:ReceiveMessage": "Lambda reads the queue in the function's name; the embedded engine reads it in its own",
    "sqs:DeleteMessage": "as ReceiveMessage",
    "sqs:GetQueueAttributes": "as ReceiveMessage",
}


@pytest.fixture(scope="module")
def calls() -> Path:
    """Return the folder of records; `make e2e` runs the whole suite and then this."""
    if recorded_calls.FOLDER is None:
        pytest.skip("nothing was recorded: make e2e does")
    return recorded_calls.FOLDER


def test_every_call_is_allowed(calls: Path) -> None:
    """No function has asked for anything that its role does not grant, not even where the code bore the refusal."""
    assert sorted(recorded_calls.refused(calls)) == []


@pytest.mark.parametrize("role", recorded_calls.ROLES)
def test_every_right_is_used(calls: Path, role: str) -> None:
    """Each action on each resource of a role's policy was used by a test, or by the platform in the role's name."""
    granted = {each for each in recorded_calls.granted() if each.role == role and not _is_the_platforms(each)}
    assert granted, "a role without rights of its own is not one of a function"
    unused = sorted(granted - recorded_calls.used(calls))
    assert not unused, "\n".join(f"{each.sid}: {each.action} on {each.resource}" for each in unused)


def test_the_platform_is_no_excuse(calls: Path) -> None:
    """What is left to the platform is granted, and our code does not use it after all."""
    granted = {name for each in recorded_calls.granted() for name in (each.sid, each.action)}
    assert sorted(BY_THE_PLATFORM.keys() - granted) == []
    assert sorted(each for each in recorded_calls.used(calls) if _is_the_platforms(each)) == []


def _is_the_platforms(right: Right) -> bool:
    return bool({right.sid, right.action} & BY_THE_PLATFORM.keys())


def test_the_record_can_be_read(calls: Path, record_property: Callable[[str, object], None]) -> None:
    """What was recorded covers every role and is shown, one line for each function and service."""
    used = sorted(recorded_calls.used(calls))
    assert {each.role for each in used} == set(recorded_calls.ROLES)
    record_property("shown", "\n".join(_table(used)))


def _table(used: list[Right]) -> Iterator[str]:
    def group(right: Right) -> tuple[str, str]:
        return right.role, right.action.partition(":")[0]

    for (role, service), rights in groupby(sorted(used, key=lambda each: (group(each), each.action)), group):
        by_action = groupby(rights, lambda each: each.action.partition(":")[2])
        shown = "; ".join(f"{action} {', '.join(sorted({each.resource for each in on}))}" for action, on in by_action)
        yield f"{role.removesuffix('Role')}, {service}: {shown}"
