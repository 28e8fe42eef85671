"""Entity tags: expected versions and If-None-Match."""

import pytest

from api.http.etags import expected_version, matches_any
from shared.errors import InvalidRequest


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "expected"),
    [(None, None, None), ('"3"', None, 3), (' W/"12" ', None, 12), (None, "*", 0)],
)
def test_preconditions_name_the_expected_version(
    if_match: str | None, if_none_match: str | None, expected: int | None
) -> None:
    """A tag expects its version, ``*`` expects no resource, no header expects nothing."""
    assert expected_version(if_match, if_none_match) == expected


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "pointer"),
    [
        ("*", None, "/If-Match"),
        ("3", None, "/If-Match"),
        ('"x"', None, "/If-Match"),
        ('"0"', None, "/If-Match"),
        ('"²"', None, "/If-Match"),
        ('"1", "2"', None, "/If-Match"),
        (f'"{10**12}"', None, "/If-Match"),
        ('"1"', "*", "/If-Match"),
        (None, '"1"', "/If-None-Match"),
    ],
)
def test_invalid_precondition_is_rejected(if_match: str | None, if_none_match: str | None, pointer: str) -> None:
    """A precondition that can't be checked is never ignored."""
    with pytest.raises(InvalidRequest) as refused:
        expected_version(if_match, if_none_match)
    assert [each.pointer for each in refused.value.errors] == [pointer]


@pytest.mark.parametrize(
    ("tag", "if_none_match", "expected"),
    [
        ('"3"', None, False),
        ('"3"', "", False),
        ('"3"', '"3"', True),
        ('"3"', 'W/"3"', True),
        ('W/"3"', '"3"', True),
        ('W/"3"', 'W/"3"', True),
        ('"3"', '"2"', False),
        ('"3"', '"2", W/"3"', True),
        ('"3"', '"2",W/"3" , "4"', True),
        ('"3"', "*", True),
        ('"3"', " * ", True),
        ('"3"', '"*"', False),
        ('"3"', "3", False),
        ('"3"', '"a,"3"', False),
        ('"b"', '"a,b"', False),
        ('"a,b"', '"c", "a,b"', True),
    ],
)
def test_if_none_match_is_compared_weakly(tag: str, if_none_match: str | None, expected: bool) -> None:
    """RFC 9110: ``*`` matches every tag, a list any of its tags, and weakness does not matter."""
    assert matches_any(tag, if_none_match) is expected
