"""Calls with several entries: their groups, and the error of each entry."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.aws.entries import ENTRY_BYTES, MAX_BYTES, MAX_ENTRIES, call_in_groups
from shared.errors import ServiceError, ServiceRefused, ServiceThrottled, ServiceUnavailable


def call_all(
    entries: Sequence[str], failures: Sequence[Mapping[str, Any]]
) -> tuple[list[list[str]], list[ServiceError | None]]:
    """Return the groups of a call, and the error of each entry if the same entries of each group fail."""
    groups: list[list[str]] = []

    def call(group: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        groups.append(list(group))
        return failures

    errors = call_in_groups(entries, call, len)
    return sorted(groups), errors


def test_groups_have_at_most_ten_entries() -> None:
    """In order, and no group is empty."""
    entries = [f"{number:02}" for number in range(25)]
    groups, errors = call_all(entries, [])
    assert groups == [entries[:MAX_ENTRIES], entries[MAX_ENTRIES : 2 * MAX_ENTRIES], entries[2 * MAX_ENTRIES :]]
    assert errors == [None] * 25
    assert call_all([], []) == ([], [])


def test_groups_have_at_most_the_bytes_of_one_call() -> None:
    """An entry that exceeds the limit alone is sent alone, and the service refuses it."""
    half, whole = "h" * (MAX_BYTES // 2 - ENTRY_BYTES), "w" * MAX_BYTES
    groups, _ = call_all([half, half, half, whole, "x"], [])
    sizes = sorted([len(entry) for entry in group] for group in groups)
    assert sizes == [[1], [len(half)], [len(half), len(half)], [len(whole)]]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"Code": "InternalError", "SenderFault": False}, ServiceUnavailable),
        ({"Code": "InvalidParameter", "SenderFault": True}, ServiceRefused),
        ({"Code": "KMS.ThrottlingException", "SenderFault": True}, ServiceThrottled),
        ({"Code": "Anything"}, ServiceUnavailable),
    ],
)
def test_each_failed_entry_has_its_own_error(failure: dict[str, Any], kind: type[ServiceError]) -> None:
    """The others succeed."""
    _, errors = call_all(["a", "b", "c"], [{"Id": "0", **failure}])
    assert [type(error) for error in errors] == [kind, type(None), type(None)]


def test_a_failed_call_fails_its_group_alone() -> None:
    """Entries of other groups succeed."""

    def call(group: Sequence[int]) -> Sequence[Mapping[str, Any]]:
        if 0 in group:
            raise ServiceUnavailable
        return []

    errors = call_in_groups(list(range(MAX_ENTRIES + 2)), call, lambda _: 1)
    assert [type(error) for error in errors] == [ServiceUnavailable] * MAX_ENTRIES + [type(None)] * 2


def test_entries_that_may_succeed_are_sent_once_more() -> None:
    """Alone. Those that the service refuses are not sent again."""
    calls: list[list[str]] = []

    def call(group: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        calls.append(list(group))
        if len(calls) > 1:
            return []
        return [{"Id": "0", "Code": "InternalError"}, {"Id": "2", "Code": "InvalidParameter", "SenderFault": True}]

    errors = call_in_groups(["a", "b", "c"], call, len)
    assert calls == [["a", "b", "c"], ["a"]]
    assert [type(error) for error in errors] == [type(None), type(None), ServiceRefused]


def test_the_second_call_fails_only_what_it_contains() -> None:
    """The others were sent before."""
    calls: list[int] = []

    def call(group: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        calls.append(len(group))
        if len(calls) > 1:
            raise ServiceUnavailable
        return [{"Id": "1", "Code": "InternalError"}]

    assert [type(error) for error in call_in_groups(["a", "b"], call, len)] == [type(None), ServiceUnavailable]
