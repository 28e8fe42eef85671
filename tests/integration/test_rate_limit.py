"""The limit on requests per owner: token buckets, header fields, 429."""

import re
from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import sample_images
from support.moto_cloud import Cloud

import api.dependencies
from shared.aws.dynamodb.idempotency.token_buckets import WINDOW, TokenBuckets
from shared.clock import utc_now
from shared.errors import ServiceUnavailable

ANN = {"userArn": "arn:aws:iam::123456789012:user/ann"}
BOB = {"userArn": "arn:aws:iam::123456789012:user/bob"}
POLICY = re.compile(r'^"requests";q=(\d+);w=60$')
STATE = re.compile(r'^"requests";r=(\d+);t=(\d+)$')


@pytest.fixture
def limited(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A stack that allows three requests per minute and owner."""
    monkeypatch.setenv("OWNER_REQUESTS", "3")
    cloud.stop_clock()
    return cloud


@pytest.fixture
def buckets(cloud: Cloud) -> TokenBuckets:
    """Return the buckets of a stack."""
    return TokenBuckets(cloud.clients.dynamodb, "Idempotency")


def list_jobs(cloud: Cloud, identity: dict[str, str]) -> Any:
    """Send one request."""
    return cloud.call("GET", "/v1/jobs", identity=identity)


def test_requests_over_the_limit_are_refused(limited: Cloud) -> None:
    """With a stable code and the time until the next token; other owners are not affected."""
    answers = [list_jobs(limited, ANN) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    assert (refused.json["code"], refused.json["retriable"]) == ("TOO_MANY_REQUESTS", True)
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert list_jobs(limited, BOB).status == 200


def test_every_response_has_the_header_fields(limited: Cloud) -> None:
    """As in the IETF draft, also an error and a refusal."""
    left = []
    for path in ("/v1/jobs", "/v1/jobs/nothing", "/v1/nothing", "/v1/jobs"):
        answer = limited.call("GET", path, identity=ANN)
        policy, state = POLICY.match(answer.headers["RateLimit-Policy"]), STATE.match(answer.headers["RateLimit"])
        assert policy is not None
        assert state is not None
        assert policy[1] == "3"
        assert 1 <= int(state[2]) <= 60
        left.append(int(state[1]))
    assert left == [2, 1, 0, 0]


def test_there_is_no_limit_by_default(cloud: Cloud) -> None:
    """And no additional write."""
    answer = list_jobs(cloud, ANN)
    assert not {"RateLimit", "RateLimit-Policy"} & answer.headers.keys()
    assert cloud.clients.dynamodb.scan(TableName="Idempotency")["Count"] == 0


def test_health_checks_are_not_limited(limited: Cloud) -> None:
    """Monitoring must not be refused."""
    assert {limited.call("GET", "/v1/health").status for _ in range(5)} == {200}


def test_pages_of_other_origins_can_read_the_fields(limited: Cloud) -> None:
    """CORS exposes them."""
    answer = limited.call("GET", "/v1/jobs", headers={"Origin": "https://ui.test"}, identity=ANN)
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)


def test_an_outage_of_the_table_refuses_nothing(limited: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit protects others. It must not cause an outage."""
    dependencies = api.dependencies.get_dependencies()

    def fail(*_: Any, **__: Any) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(dependencies.token_buckets, "take", fail)
    assert [list_jobs(limited, ANN).status for _ in range(4)] == [200] * 4


def test_a_refused_upload_creates_nothing(limited: Cloud) -> None:
    """Neither a job nor an object."""
    for _ in range(3):
        list_jobs(limited, ANN)
    answer = limited.call("POST", "/v1/jobs", sample_images.make_jpeg(), identity=ANN)
    assert answer.status == 429
    assert (limited.count(), limited.keys()) == (0, [])


def test_tokens_come_back_one_by_one(buckets: TokenBuckets) -> None:
    """After Retry-After there is exactly one token."""
    now = utc_now()
    taken = [buckets.take("ann", f"r{number}", limit=6, now=now) for number in range(7)]
    assert [each.remaining for each in taken] == [5, 4, 3, 2, 1, 0, 0]
    retry_in = taken[-1].retry_in
    assert retry_in == timedelta(seconds=10)
    later = now + retry_in
    assert buckets.take("ann", "later", limit=6, now=later).retry_in is None
    assert buckets.take("ann", "too soon", limit=6, now=later).retry_in is not None


def test_a_repeated_request_takes_one_token(buckets: TokenBuckets) -> None:
    """On a full and on a partly used bucket."""
    now = utc_now()
    for request in ("a", "a", "b", "b", "b"):
        tokens = buckets.take("ann", request, limit=10, now=now)
    assert tokens.remaining == 8


def test_a_lost_response_takes_one_token(cloud: Cloud, buckets: TokenBuckets, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK repeats the write, which has already had its effect."""
    endpoint = cloud.clients.dynamodb._endpoint  # type: ignore[attr-defined]
    respond: Callable[..., Any] = endpoint._do_get_response
    lost: list[str] = []

    def lose_first(request: Any, *more: Any) -> Any:
        answer = respond(request, *more)
        if not lost:
            lost.append("response")
            return None, ReadTimeoutError(endpoint_url=request.url)
        return answer

    monkeypatch.setattr(endpoint, "_do_get_response", lose_first)
    tokens = buckets.take("ann", "one", limit=10, now=utc_now())
    assert (lost, tokens.remaining, tokens.retry_in) == (["response"], 9, None)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    limit=st.integers(1, 20),
    gaps=st.lists(st.integers(0, 20_000), min_size=1, max_size=25),
    owner=st.uuids().map(str),
)
def test_requests_never_pass_faster_than_the_bucket_fills(
    buckets: TokenBuckets, limit: int, gaps: list[int], owner: str
) -> None:
    """A full bucket and one refill: in t seconds at most limit × (1 + t / 60) requests pass, in any order of times."""
    start = now = utc_now()
    passed = 0
    for number, gap in enumerate(gaps):
        now += timedelta(milliseconds=gap)
        passed += buckets.take(owner, str(number), limit=limit, now=now).retry_in is None
        assert passed <= ceil(limit * (1 + (now - start) / WINDOW))


def test_an_old_bucket_is_full(buckets: TokenBuckets) -> None:
    """A bucket that was used long ago has all its tokens."""
    now = utc_now()
    for number in range(3):
        buckets.take("ann", str(number), limit=3, now=now)
    assert buckets.take("ann", "later", limit=3, now=now + WINDOW * 2).remaining == 2
