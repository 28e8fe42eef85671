"""Permissions of the roles match the calls that `make e2e` recorded."""

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import pytest
from support import recorded_calls
from support.recorded_calls import Permission

#: Statements and actions that only AWS itself uses, and why the embedded engine does not record them.
USED_BY_AWS = {
    "Log": "Lambda writes the logs with the role of the function; the embedded engine does not",
    "TakeChanges": "Lambda reads the stream with the role of the function; the embedded engine does not",
    "sqs:ReceiveMessage": "Lambda reads the queue with the role of the function; the embedded engine does not",
    "sqs:DeleteMessage": "as ReceiveMessage",
    "sqs:GetQueueAttributes": "as ReceiveMessage",
}

#: Statements, and the end of their resource, that the end-to-end tests need not reach, and the test that reaches them.
SHOWN_ON_MOTO = {
    ("SendDeferredDeliveries", ""): "takes two minutes: tests/integration/test_webhook_pauses.py",
    ("AbortUploads", ""): "needs an upload that is paused for a day: tests/integration/test_multipart_uploads.py",
    ("FindUploadsToAbort", ""): "as AbortUploads",
    ("ListJobs", "/index/Recent"): "needs a backfill that the API does not finish: tests/integration/test_walks.py",
    ("RemoveRawImagesThatCameTooLate", "/raw/pinned/*"): (
        "needs an attempt that another one overtakes: tests/integration/test_replaced_uploads.py"
    ),
}


@pytest.fixture(scope="module")
def calls() -> Path:
    """Return the folder of recorded calls; `make e2e` writes it before it runs these tests."""
    if recorded_calls.FOLDER is None:
        pytest.skip("no calls were recorded; run make e2e")
    return recorded_calls.FOLDER


def test_every_call_is_allowed(calls: Path) -> None:
    """No call of a function was refused, even if the code handled the refusal."""
    assert sorted(recorded_calls.list_refused(calls)) == []


@pytest.mark.parametrize("role", recorded_calls.ROLES)
def test_every_permission_is_used(calls: Path, role: str) -> None:
    """By a test, or by AWS on behalf of the role."""
    granted = {each for each in recorded_calls.list_granted() if each.role == role and not _is_used_by_aws(each)}
    assert granted, "every role of a function has permissions"
    unused = sorted(each for each in granted - recorded_calls.list_used(calls) if not _is_shown_on_moto(each))
    assert not unused, "\n".join(f"{each.sid}: {each.action} on {each.resource}" for each in unused)


def test_platform_permissions_are_granted_and_unused(calls: Path) -> None:
    """The listed exceptions are in the template, and the code does not use them."""
    granted = {name for each in recorded_calls.list_granted() for name in (each.sid, each.action)}
    assert sorted(USED_BY_AWS.keys() - granted) == []
    assert sorted(each for each in recorded_calls.list_used(calls) if _is_used_by_aws(each)) == []


def _is_used_by_aws(right: Permission) -> bool:
    return bool({right.sid, right.action} & USED_BY_AWS.keys())


def _is_shown_on_moto(right: Permission) -> bool:
    return any(right.sid == sid and right.resource.endswith(end) for sid, end in SHOWN_ON_MOTO)


def test_recorded_calls_cover_every_role(calls: Path, record_property: Callable[[str, object], None]) -> None:
    """Print one line for each function and service."""
    used = sorted(recorded_calls.list_used(calls))
    assert {each.role for each in used} == set(recorded_calls.ROLES)
    record_property("shown", "\n".join(_format_rows(used)))


def _format_rows(used: list[Permission]) -> Iterator[str]:
    def group(right: Permission) -> tuple[str, str]:
        return right.role, right.action.partition(":")[0]

    for (role, service), rights in groupby(sorted(used, key=lambda each: (group(each), each.action)), group):
        by_action = groupby(rights, lambda each: each.action.partition(":")[2])
        shown = "; ".join(f"{action} {', '.join(sorted({each.resource for each in on}))}" for action, on in by_action)
        yield f"{role.removesuffix('Role')}, {service}: {shown}"
