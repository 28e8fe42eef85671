"""Preconditions on versions."""

import pytest

from api.http.etags import expected_version, matches_any, version_tag
from shared.errors import InvalidRequest


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "expected"),
    [(None, None, None), ('"3"', None, 3), (' W/"12" ', None, 12), (None, "*", 0)],
)
def test_headers_name_a_version(if_match: str | None, if_none_match: str | None, expected: int | None) -> None:
    """A tag demands its version, a star that there is none, and silence nothing."""
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
def test_what_names_no_version_is_refused(if_match: str | None, if_none_match: str | None, pointer: str) -> None:
    """A precondition that can't be checked is never ignored."""
    with pytest.raises(InvalidRequest) as refused:
        expected_version(if_match, if_none_match)
    assert [each.pointer for each in refused.value.errors] == [pointer]


def test_a_reader_is_told_what_it_has() -> None:
    """A version is known when its tag is among those sent, weak or strong."""
    assert matches_any(version_tag(3), '"2", W/"3"')
    assert not matches_any(version_tag(3), '"2"')
    assert not matches_any(version_tag(3), None)
