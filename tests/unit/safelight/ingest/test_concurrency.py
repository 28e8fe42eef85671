"""The adaptive concurrency limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.ingest.concurrency import INITIAL_LIMIT, MAX_LIMIT, ConcurrencyLimit


def grow(rounds: int, maximum: int = MAX_LIMIT) -> ConcurrencyLimit:
    """Return a limit after a number of fully used rounds of successes."""
    limit = ConcurrencyLimit(maximum)
    for _ in range(rounds):
        for active in range(int(limit.limit) - 1, -1, -1):
            limit.record_success(max(active, int(limit.limit) - 1))
    return limit


def test_limit_grows_by_one_per_round() -> None:
    """The growth is additive."""
    assert grow(0).limit == INITIAL_LIMIT
    assert INITIAL_LIMIT + 5 <= grow(8).limit <= INITIAL_LIMIT + 8


def test_limit_does_not_exceed_the_maximum() -> None:
    """The maximum is also the number of threads."""
    assert grow(500, maximum=9).limit == 9


def test_unused_limit_does_not_grow() -> None:
    """Successes of single requests say nothing about many."""
    limit = ConcurrencyLimit()
    for _ in range(100):
        limit.record_success(0)
    assert limit.limit == INITIAL_LIMIT


def test_concurrent_failures_halve_the_limit_once() -> None:
    """Ten refusals at one time are one signal."""
    limit = grow(60)
    before = limit.limit
    for _ in range(10):
        limit.record_failure(started=1.0, now=2.0, jitter=0.0)
    assert limit.limit == before / 2
    limit.record_failure(started=3.0, now=4.0, jitter=0.0)
    assert limit.limit == before / 4


def test_retry_after_is_never_undercut() -> None:
    """A later failure without Retry-After does not shorten the pause."""
    limit = ConcurrencyLimit()
    limit.record_failure(started=0.0, now=10.0, jitter=0.5, retry_after=7.0)
    limit.record_failure(started=0.0, now=10.1, jitter=0.0)
    assert not limit.allows(0, 16.99)
    assert limit.allows(0, 10 + 7 * 1.25)


def test_pauses_double_until_a_request_succeeds() -> None:
    """One request at a time probes a server that is down."""
    limit = ConcurrencyLimit()
    pauses = []
    now = 0.0
    for _ in range(8):
        limit.record_failure(started=now, now=now, jitter=1.0)
        pauses.append(limit.resume_at - now)
        now = limit.resume_at
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]
    assert limit.allows(0, now)
    assert not limit.allows(1, now)
    limit.record_success(0)
    limit.record_failure(started=now, now=now, jitter=1.0)
    assert limit.resume_at - now == 0.5


def test_fixed_limit_is_not_halved_but_respects_pauses() -> None:
    """Retry-After applies to a fixed limit too."""
    limit = ConcurrencyLimit(3, fixed=True)
    limit.record_failure(started=0.0, now=0.0, jitter=0.0, retry_after=5.0)
    assert limit.limit == 3
    assert not limit.allows(0, 4.9)
    assert limit.allows(2, 5.0)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("success"), st.integers(0, 40)),
            st.tuples(st.just("failure"), st.floats(0, 1000)),
        )
    )
)
def test_a_request_is_always_allowed_eventually(events: list[tuple[str, float]]) -> None:
    """The limit stays between 1 and the maximum."""
    limit = ConcurrencyLimit(16)
    now = 0.0
    for kind, value in events:
        now += 1
        if kind == "success":
            limit.record_success(int(value))
        else:
            limit.record_failure(started=now, now=now, jitter=0.3, retry_after=value)
        assert 1 <= limit.limit <= 16
        assert limit.allows(0, max(now, limit.resume_at))
        assert limit.resume_at <= now + 300 * 1.25


@pytest.mark.parametrize("maximum", [1, 2, 64])
def test_initial_limit_respects_the_maximum(maximum: int) -> None:
    """A maximum below the initial limit applies from the start."""
    assert ConcurrencyLimit(maximum).limit == min(INITIAL_LIMIT, maximum)
