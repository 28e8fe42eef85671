"""Cursors, links, callers, waiting and problem documents."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from aws_lambda_powertools.utilities.data_classes.api_gateway_proxy_event import APIGatewayProxyEvent
from support import events
from support.sample_jobs import make_job, make_processing_job

from api.dependencies import caller
from api.http.cursor import decode_cursor, decode_position, encode_cursor, encode_position
from api.http.gateway_event import normalize_event
from api.http.links import Links
from api.http.problems import problem_response
from api.jobs.wait_preference import preferred_wait, wait_until_done
from shared.aws.dynamodb.job_table import JobTable
from shared.errors import BadCursor, SafelightError, ServiceUnavailable
from shared.jobs.job import Job, JobStatus

JOB_ID = "01HZY3Q1M8Z3J5W7XK9V2B4C6D"


def test_cursor_round_trip() -> None:
    """A cursor decodes to its ID and does not show it."""
    assert decode_cursor(encode_cursor(JOB_ID)) == JOB_ID
    assert JOB_ID not in encode_cursor(JOB_ID)


def test_a_position_belongs_to_its_listing() -> None:
    """One with another prefix, unprintable characters, an absurd length or of another kind of cursor is refused."""
    assert decode_position(encode_position("job:A#1"), ("job:", "message:")) == "job:A#1"
    long = "job:" + "x" * 1100
    for cursor in (*map(encode_position, ("other:A", "job:\n", long)), encode_cursor("job:A#1")):
        with pytest.raises(BadCursor):
            decode_position(cursor, ("job:", "message:"))


@pytest.mark.parametrize("cursor", ["x", "====", "MQ", "ä", JOB_ID, encode_cursor("no id"), "A" * 10_000])
def test_invalid_cursor_is_rejected(cursor: str) -> None:
    """A cursor that the API did not issue raises BadCursor."""
    with pytest.raises(BadCursor):
        decode_cursor(cursor)


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"Host": "127.0.0.1:4566"}, "http://127.0.0.1:4566/stage"),
        ({"Host": "[::1]:4566"}, "http://[::1]:4566/stage"),
        ({"Host": 'a>; rel="next", <http://evil'}, "/stage"),
        ({"Host": "good.test", "X-Forwarded-Proto": "javascript"}, "/stage"),
        ({}, "/stage"),
        (
            {"host": "abc.execute-api.eu-west-1.amazonaws.com", "X-Forwarded-Proto": "https"},
            "https://abc.execute-api.eu-west-1.amazonaws.com/stage",
        ),
    ],
)
def test_links_use_the_callers_host(headers: dict[str, str], base: str) -> None:
    """Scheme and host come from the request, the path prefix from the setting."""
    event = events.http("GET", "/v1/jobs")
    event["headers"] = headers
    assert Links.for_request(APIGatewayProxyEvent(event), "/stage").job(JOB_ID) == f"{base}/v1/jobs/{JOB_ID}"


@pytest.mark.parametrize(
    ("whole", "prefix"),
    [("/prod/v1/jobs", "/prod"), ("/a/b/v1/jobs", "/a/b"), ("/v1/jobs", ""), ("/other", ""), (None, "")],
)
def test_path_prefix_comes_from_the_gateway(whole: str | None, prefix: str) -> None:
    """Without a setting, the prefix is what the gateway removed from the path."""
    event = events.http("GET", "/v1/jobs", headers={"Host": "a.test"})
    event["requestContext"]["path"] = whole
    assert Links.for_request(APIGatewayProxyEvent(event), "").base == f"http://a.test{prefix}"


@pytest.mark.parametrize("base_path", [None, "", "/images", "/v1", "/a/b"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/", "/v1/v1", "/v1/jobs/a%20b", "/"])
def test_base_path_is_no_part_of_the_path(base_path: str | None, path: str) -> None:
    """Every mapping of a custom domain name leads to the same path."""
    assert normalize_event(events.http("GET", path, base_path=base_path))["path"] == path


def test_a_decoded_path_parameter_is_recognized() -> None:
    """A gateway may decode the path parameter, or not report it."""
    event = events.http("GET", "/v1/jobs/a%20b", base_path="/images")
    event["pathParameters"]["proxy"] = "v1/jobs/a b"
    assert normalize_event(event)["path"] == "/v1/jobs/a%20b"
    assert normalize_event({"path": "/v1/jobs"})["path"] == "/v1/jobs"


def test_header_fields_with_one_name_become_a_list() -> None:
    """API Gateway passes only the last of them as ``headers``."""
    event = events.http("GET", "/v1/jobs", headers={"Prefer": ["wait=1", "respond-async"], "Accept": "text/html"})
    assert event["headers"]["Prefer"] == "respond-async"
    combined = normalize_event(event)["headers"]
    assert (combined["Prefer"], combined["Accept"]) == ("wait=1, respond-async", "text/html")


@pytest.mark.parametrize(
    ("arn", "owner"),
    [
        ("arn:aws:sts::1:assumed-role/app/session-1", "iam:arn:aws:sts::1:assumed-role/app"),
        ("arn:aws:sts::1:assumed-role/app/session-2", "iam:arn:aws:sts::1:assumed-role/app"),
        ("arn:aws:iam::1:user/path/me", "iam:arn:aws:iam::1:user/path/me"),
        (None, "anonymous"),
    ],
)
def test_owner_is_the_role_and_not_its_session(arn: str | None, owner: str) -> None:
    """All sessions of a role are the same owner."""
    event = events.http("GET", "/v1/jobs")
    event["requestContext"]["identity"]["userArn"] = arn
    assert caller(APIGatewayProxyEvent(event)) == owner


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("respond-async, wait=5", 5),
        ("WAIT = 5 ; foo", 5),
        ("wait=3600", 10),
        ("wait=0", 0),
        ("wait=-1", None),
        ("wait=soon", None),
        ("respond-async", None),
        ("", None),
        (None, None),
    ],
)
def test_prefer_header_is_read_leniently(header: str | None, seconds: float | None) -> None:
    """A wait is capped. A malformed preference is ignored."""
    wait = preferred_wait(header, timedelta(seconds=10))
    assert (None if wait is None else wait.total_seconds()) == seconds


def test_wait_can_be_turned_off() -> None:
    """With MaxWaitSeconds=0, the preference is ignored."""
    assert preferred_wait("wait=5", timedelta(0)) is None


class Table:
    """A table whose job is done after some reads."""

    def __init__(self, reads_until_done: int) -> None:
        self.left = reads_until_done
        self.done = make_processing_job().complete(raw=make_job().raw, outputs=(), warnings=(), now=datetime.now(UTC))

    def get(self, job_id: str) -> Job:
        """Return the job, once more as it was or done."""
        assert job_id == self.done.id
        self.left -= 1
        return self.done if self.left <= 0 else make_job()


def waited(table: Table, patience: timedelta) -> tuple[Job, list[float]]:
    """Wait on a clock that only sleeping moves."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)

    def clock() -> datetime:
        return now + timedelta(seconds=sum(pauses))

    job = wait_until_done(make_job(), now + patience, cast("JobTable", table), clock, sleep)
    return job, pauses


def test_waiting_ends_when_the_job_does() -> None:
    """The first read of the ended job returns it. Pauses grow up to a second."""
    job, pauses = waited(Table(reads_until_done=12), timedelta(seconds=20))
    assert job.status is JobStatus.COMPLETED
    assert pauses == sorted(pauses)
    assert max(pauses) == 1


def test_waiting_survives_a_failing_table() -> None:
    """If an accepted job can't be read, its last known state is returned.

    An error would make the caller send it again.
    """

    class Failing(Table):
        def get(self, job_id: str) -> Job:
            raise ServiceUnavailable(job_id)

    job, _ = waited(Failing(0), timedelta(seconds=3))
    assert job.status is JobStatus.PENDING


def test_waiting_ends_at_its_deadline() -> None:
    """A slower job is returned in its current state."""
    job, pauses = waited(Table(reads_until_done=10**6), timedelta(seconds=3))
    assert job.status is JobStatus.PENDING
    assert sum(pauses) == pytest.approx(3)


def test_problem_does_not_reveal_its_cause() -> None:
    """The cause of an error stays internal."""
    error = SafelightError()
    error.__cause__ = RuntimeError("secret arn:aws:s3:::bucket /var/task")
    response = problem_response(error, instance="/v1/jobs", request_id="r", base="")
    assert response.status_code == 500
    assert response.body is not None
    assert "secret" not in response.body


def test_503_has_retry_after() -> None:
    """Every 503 has a Retry-After header."""
    response = problem_response(ServiceUnavailable(), instance="/", request_id="r", base="")
    assert response.headers["Retry-After"] == "1"
