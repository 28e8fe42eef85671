"""Tests of webhook URLs, secrets and delivery retries."""

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadMessage
from shared.network.urls import find_url_problem
from shared.webhooks.delivery import (
    MAX_DELAY,
    MAX_TRIES,
    RETRY_DELAYS,
    DeliveryMessage,
    compute_retry_delay,
    decode_delivery,
)
from shared.webhooks.webhook import SECRET_PREFIX, new_secret

MESSAGE = DeliveryMessage(owner="o", webhook="studio", event_id="evt_1", type="t", job_id="j", body="{}")


@pytest.mark.parametrize("url", ["https://example.org/hook", "https://example.org:443/a?b=c", "https://8.8.8.8/"])
def test_public_https_is_accepted(url: str) -> None:
    """HTTPS URLs of public hosts are always accepted."""
    assert find_url_problem(url, allow_internal=False) is None
    assert find_url_problem(url, allow_internal=True) is None


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/", "https://example.org:8443/", "https://127.0.0.1/", "https://[::1]/"),
        *("https://169.254.169.254/latest/meta-data/", "https://[::ffff:10.0.0.1]/"),
    ],
)
def test_internal_urls_need_allow_internal(url: str) -> None:
    """Plain HTTP, other ports and internal addresses are accepted only with allow_internal."""
    assert find_url_problem(url, allow_internal=False)
    assert find_url_problem(url, allow_internal=True) is None


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "ftp://example.org/", "https://", "https:///path", "file:///etc/passwd"),
        *("https://user:word@example.org/", "https://example.org/#part", "https://exa mple.org/"),
        *("https://example.org/\r\nX-Evil: 1", "https://exämple.org/", "https://example.org:notaport/", "https://[/"),
        "https://example.org/" + "x" * 2048,
    ],
)
def test_malformed_urls_are_refused(url: str) -> None:
    """Other schemes, credentials, fragments and line breaks are always refused."""
    assert find_url_problem(url, allow_internal=True)
    assert find_url_problem(url, allow_internal=False)


def test_secrets_follow_standard_webhooks() -> None:
    """A secret is the prefix and base64 of 24 to 64 random bytes. Secrets are unique."""
    secrets = {new_secret() for _ in range(20)}
    assert len(secrets) == 20
    for secret in secrets:
        assert secret.startswith(SECRET_PREFIX)
        assert 24 <= len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)) <= 64


@given(st.integers(1, MAX_TRIES + 3), st.floats(0, 1), st.none() | st.timedeltas(timedelta(0), timedelta(days=9)))
def test_retry_delay_is_bounded(tries: int, spread: float, requested: timedelta | None) -> None:
    """Each delay is near its default, longer if the receiver requests it, and never over the limit of SQS."""
    pause = compute_retry_delay(tries, requested=requested, spread=spread)
    if tries >= MAX_TRIES:
        assert pause is None
        return
    assert pause is not None
    assert RETRY_DELAYS[tries - 1] * 0.8 <= pause <= MAX_DELAY
    if requested is not None:
        assert pause >= min(requested, MAX_DELAY)


def test_a_retry_waits_as_long_as_requested_and_not_less_than_usual() -> None:
    """The usual delay varies by 20 % in both directions, so that retries do not come at once."""
    usual = [compute_retry_delay(1, requested=None, spread=spread) for spread in (0, 0.5, 1)]
    assert usual == [RETRY_DELAYS[0] * 0.8, RETRY_DELAYS[0], RETRY_DELAYS[0] * 1.2]
    for seconds, expected in ((1, RETRY_DELAYS[0]), (60, timedelta(seconds=60)), (10**6, MAX_DELAY)):
        assert compute_retry_delay(1, requested=timedelta(seconds=seconds), spread=0.5) == expected
    assert compute_retry_delay(MAX_TRIES - 1, requested=None, spread=0.5) == RETRY_DELAYS[-1]
    assert compute_retry_delay(MAX_TRIES, requested=None, spread=0.5) is None


def test_retries_last_most_of_a_day() -> None:
    """Each delay is longer than the one before, and all together take most of a day."""
    assert RETRY_DELAYS[0] <= timedelta(seconds=10)
    assert sum(RETRY_DELAYS, timedelta()) > timedelta(hours=12)
    assert list(RETRY_DELAYS) == sorted(RETRY_DELAYS)
    assert timedelta(hours=12) > MAX_DELAY


def test_delivery_message_round_trips() -> None:
    """A received message equals the sent one."""
    assert decode_delivery(MESSAGE.encode()) == MESSAGE


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "no", MESSAGE.encode().replace("studio", "../x"), MESSAGE.encode().replace("evt_1", "a#b")]
)
def test_malformed_delivery_message_is_refused(text: str) -> None:
    """Malformed messages raise BadMessage."""
    with pytest.raises(BadMessage):
        decode_delivery(text)
