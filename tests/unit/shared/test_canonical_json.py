"""JSON in canonical form: RFC 8785's own examples, and that it says what it was given."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.canonical_json import canonical

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (999999999999999700000.0, "999999999999999700000"),
        (1e21, "1e+21"),
        (333333333.33333329, "333333333.3333333"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1.0, "1"),
    ],
)
def test_numbers_are_written_as_ecmascript_does(number: float, text: str) -> None:
    """RFC 8785, appendix B."""
    assert canonical(number) == text


def test_members_are_sorted_by_utf16_code_units() -> None:
    """RFC 8785, 3.2.3: a character beyond the basic plane comes before one at its end."""
    members = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(canonical(members)).values()) == [2, 4, 6, 7, 1, 5, 3]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_what_is_no_number_to_readers_is_refused(value: float) -> None:
    """There is no form for it."""
    with pytest.raises(ValueError, match=r"have no form|too large"):
        canonical([value])


@given(VALUES)
def test_it_says_what_it_was_given_and_is_stable(value: Any) -> None:
    """Reading brings the value back, and writing that the same text."""
    text = canonical(value)
    assert json.loads(text, parse_int=float) == value
    assert canonical(json.loads(text)) == text
