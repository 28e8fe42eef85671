"""The number of requests under way follows what the other side can take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.ingest.concurrency import CEILING, FIRST, Pace


def grown(rounds: int, ceiling: int = CEILING) -> Pace:
    """Return a pace after so many rounds of full use in which all went well."""
    pace = Pace(ceiling)
    for _ in range(rounds):
        for under_way in range(int(pace.limit) - 1, -1, -1):
            pace.went_well(max(under_way, int(pace.limit) - 1))
    return pace


def test_a_round_of_successes_allows_about_one_more() -> None:
    """Growth is additive."""
    assert grown(0).limit == FIRST
    assert FIRST + 5 <= grown(8).limit <= FIRST + 8


def test_growth_ends_at_the_ceiling() -> None:
    """There are never more requests than threads."""
    assert grown(500, ceiling=9).limit == 9


def test_a_limit_that_nobody_uses_does_not_grow() -> None:
    """Successes of a single request say nothing about what many would meet."""
    pace = Pace()
    for _ in range(100):
        pace.went_well(0)
    assert pace.limit == FIRST


def test_trouble_halves_the_limit_once_for_all_that_were_under_way() -> None:
    """Ten refusals of one moment are one sign, not ten."""
    pace = grown(60)
    before = pace.limit
    for _ in range(10):
        pace.met_trouble(started=1.0, now=2.0, jitter=0.0)
    assert pace.limit == before / 2
    pace.met_trouble(started=3.0, now=4.0, jitter=0.0)
    assert pace.limit == before / 4


def test_nothing_is_sent_before_the_moment_that_was_asked_for() -> None:
    """Retry-After is never undercut, whatever else is said meanwhile."""
    pace = Pace()
    pace.met_trouble(started=0.0, now=10.0, jitter=0.5, asked=7.0)
    pace.met_trouble(started=0.0, now=10.1, jitter=0.0)
    assert not pace.allows(0, 16.99)
    assert pace.allows(0, 10 + 7 * 1.25)


def test_without_advice_pauses_double_until_something_works() -> None:
    """A server that is away is asked ever more rarely, by one request at a time."""
    pace = Pace()
    pauses = []
    now = 0.0
    for _ in range(8):
        pace.met_trouble(started=now, now=now, jitter=1.0)
        pauses.append(pace.resume_at - now)
        now = pace.resume_at
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]
    assert pace.allows(0, now)
    assert not pace.allows(1, now)
    pace.went_well(0)
    pace.met_trouble(started=now, now=now, jitter=1.0)
    assert pace.resume_at - now == 0.5


def test_a_steady_pace_keeps_its_number_and_its_pauses() -> None:
    """Who names a number gets it; Retry-After holds for them too."""
    pace = Pace(3, steady=True)
    pace.met_trouble(started=0.0, now=0.0, jitter=0.0, asked=5.0)
    assert pace.limit == 3
    assert not pace.allows(0, 4.9)
    assert pace.allows(2, 5.0)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("well"), st.integers(0, 40)),
            st.tuples(st.just("trouble"), st.floats(0, 1000)),
        )
    )
)
def test_there_is_always_a_way_on(events: list[tuple[str, float]]) -> None:
    """Whatever happens, the limit stays between one and the ceiling, and a moment comes when one may be sent."""
    pace = Pace(16)
    now = 0.0
    for kind, value in events:
        now += 1
        if kind == "well":
            pace.went_well(int(value))
        else:
            pace.met_trouble(started=now, now=now, jitter=0.3, asked=value)
        assert 1 <= pace.limit <= 16
        assert pace.allows(0, max(now, pace.resume_at))
        assert pace.resume_at <= now + 300 * 1.25


@pytest.mark.parametrize("ceiling", [1, 2, 64])
def test_a_ceiling_below_the_beginning_counts(ceiling: int) -> None:
    """The first requests keep to it too."""
    assert Pace(ceiling).limit == min(FIRST, ceiling)
