"""The API on moto: responses, rejected requests, listings."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support import sample_images
from support.moto_cloud import Cloud

import api.dependencies
from shared.aws.dynamodb import job_listing
from shared.errors import ServiceUnavailable, error_classes

IMAGE = sample_images.make_jpeg()
UNKNOWN_ID = "01HZY3Q1M8Z3J5W7XK9V2B4C6D"
JPEG = {"Content-Type": "image/jpeg"}
TEXT = {"Content-Type": "text/plain"}

REFUSED: list[tuple[bytes | str | None, dict[str, str], dict[str, str], int, str]] = [
    (None, JPEG, {}, 400, "BODY_EMPTY"),
    ("this is no base64!", TEXT, {}, 400, "BAD_BASE64"),
    (base64.b64encode(b"words, not an image").decode(), TEXT, {}, 415, "UNSUPPORTED_TYPE"),
    (bytes(7_000_000), JPEG, {}, 413, "BODY_TOO_LARGE"),
    (IMAGE, {"Content-Type": "text/html"}, {}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("{", {"Content-Type": "application/json"}, {}, 400, "BAD_JSON"),
    (b"--", {"Content-Type": "multipart/form-data; boundary=x"}, {}, 400, "BAD_MULTIPART"),
    (IMAGE, JPEG, {"width": "0", "height": "0"}, 422, "INVALID_PIPELINE"),
    (IMAGE, JPEG, {"pipeline": '{"operations": [{"op": "swirl"}]}'}, 422, "INVALID_PIPELINE"),
    (IMAGE, JPEG, {"widht": "300"}, 422, "INVALID_REQUEST"),
]


@pytest.mark.parametrize(("body", "headers", "query", "status", "code"), REFUSED)
def test_invalid_request_stores_nothing(  # noqa: PLR0917 - one row of the table above
    cloud: Cloud,
    body: bytes | str | None,
    headers: dict[str, str],
    query: dict[str, str],
    status: int,
    code: str,
) -> None:
    """Each invalid request has its status and code, and creates no object, record or message."""
    answer = cloud.call("POST", "/v1/jobs", body, headers=headers, query=query)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert_is_problem(answer)
    assert cloud.keys() == []
    assert cloud.count() == 0
    assert cloud.receive() == []


def assert_is_problem(answer: Any) -> None:
    """Assert that a response is a problem document (RFC 9457) with our extensions."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == answer.status
    assert problem["code"] in {error.code for error in error_classes()}
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert set(problem) == {
        "type", "title", "status", "detail", "instance", "code", "retriable", "request_id", "errors",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/v1/jobs/{UNKNOWN_ID}", 404, "JOB_NOT_FOUND"),
        ("GET", "/v1/jobs/no-id", 404, "JOB_NOT_FOUND"),
        ("GET", "/v1/jobs/..%2f..%2fetc", 404, "JOB_NOT_FOUND"),
        ("GET", f"/v1/jobs/{UNKNOWN_ID}/result", 404, "JOB_NOT_FOUND"),
        ("GET", "/v1/nothing", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/", 404, "ROUTE_NOT_FOUND"),
        ("PUT", "/v1/jobs", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/v1/health", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_unknown_routes_and_jobs_are_problems(cloud: Cloud, method: str, path: str, status: int, code: str) -> None:
    """Unknown jobs, paths and methods get problem documents."""
    answer = cloud.call(method, path)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert_is_problem(answer)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "x"},
        {"status": "DONE"},
        {"since": "now"},
        {"since": "1960-01-01T00:00:00Z"},
        {"batch": ""},
        {"filename": ""},
        {"filename": "x" * 256},
    ],
)
def test_invalid_parameter_is_pointed_at(cloud: Cloud, query: dict[str, str]) -> None:
    """An invalid parameter is rejected with a pointer to it."""
    answer = cloud.call("GET", "/v1/jobs", query=query)
    assert answer.status == 422
    assert_is_problem(answer)
    assert [error["pointer"] for error in answer.json["errors"]] == ["/" + next(iter(query))]


def test_invalid_cursor_is_rejected(cloud: Cloud) -> None:
    """A cursor that the API did not issue gets 400."""
    answer = cloud.call("GET", "/v1/jobs", query={"cursor": "abc"})
    assert (answer.status, answer.json["code"]) == (400, "BAD_CURSOR")


def test_internal_error_reveals_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception gets a 500 without details."""

    def break_down(job_id: str) -> None:
        raise RuntimeError(f"secret detail of {job_id} in /var/task")

    monkeypatch.setattr(api.dependencies.get_dependencies().jobs, "get", break_down)
    answer = cloud.call("GET", f"/v1/jobs/{UNKNOWN_ID}")
    assert (answer.status, answer.json["code"]) == (500, "INTERNAL")
    assert "secret" not in answer.text
    assert_is_problem(answer)


def test_missing_settings_reveal_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misconfigured function gets 500 and does not show its environment."""
    monkeypatch.delenv("JOB_TABLE")
    answer = cloud.call("GET", f"/v1/jobs/{UNKNOWN_ID}")
    assert answer.status == 500
    assert "JOB_TABLE" not in answer.text


def test_job_is_accepted_if_its_message_is_not_sent(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is the outbox. Once it is written the response is 202, and the reconciler requeues the job."""

    def refuse(_: Any, **__: Any) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(api.dependencies.get_dependencies().queues.interactive, "send", refuse)
    job = cloud.submit(IMAGE)
    assert cloud.receive() == []
    item = cloud.item(job["id"])
    assert item["OpenShard"]["S"].startswith("open#")
    assert item["DueAt"]["S"] > item["UploadedAt"]["S"]


def test_no_job_without_a_record(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the table fails there is no job and no message, and the response is a 503 with Retry-After."""

    def refuse(_: Any, **__: Any) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(api.dependencies.get_dependencies().jobs, "create", refuse)
    answer = cloud.call("POST", "/v1/jobs", IMAGE, headers=JPEG)
    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "SERVICE_UNAVAILABLE", "1")
    assert cloud.receive() == []


@pytest.mark.parametrize("name", ["../../etc/passwd", 'a"b.jpg', "two\r\nlines: evil.jpg", "😀 naïve.jpg", "x" * 4000])
def test_file_name_is_never_part_of_a_key(cloud: Cloud, name: str) -> None:
    """No name changes a key or breaks a header, and the download has it."""
    job = cloud.submit(IMAGE, query={"filename": name})
    cloud.deliver(cloud.receive())
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert done["key"] == f"processed/{job['id']}/1/image.png"
    assert sorted(cloud.keys()) == [done["key"], f"raw/api/{job['id']}"]
    link = cloud.call("GET", f"/v1/jobs/{job['id']}/result", query={"redirect": "false"}).json
    disposition = parse_qs(urlsplit(link["url"]).query)["response-content-disposition"][0]
    assert disposition.startswith("attachment; ")
    assert "\n" not in disposition
    assert link["filename"].endswith(".png")


def test_unnamed_file_is_named_after_its_job(cloud: Cloud) -> None:
    """Without a name, the ID and the detected type are used."""
    job = cloud.submit(IMAGE)
    assert job["filename"] == f"{job['id']}.jpg"


def test_result_follows_the_job(cloud: Cloud) -> None:
    """Not ready, then a redirect. An unknown output name gets 404."""
    job = cloud.submit(IMAGE)
    early = cloud.call("GET", f"/v1/jobs/{job['id']}/result")
    assert (early.status, early.json["code"], early.headers["Retry-After"]) == (409, "RESULT_NOT_READY", "1")
    cloud.deliver(cloud.receive())
    ready = cloud.call("GET", f"/v1/jobs/{job['id']}/result")
    assert ready.status == 303
    assert urlsplit(ready.headers["Location"]).path.endswith(f"processed/{job['id']}/1/image.png")
    assert cloud.call("GET", f"/v1/jobs/{job['id']}/outputs/image").status == 303
    unknown = cloud.call("GET", f"/v1/jobs/{job['id']}/outputs/other").json
    assert (unknown["code"], unknown["detail"]) == ("OUTPUT_NOT_FOUND", "The job has no output 'other'. It has: image.")


def test_failed_job_has_no_result(cloud: Cloud) -> None:
    """The error says why the job failed."""
    job = cloud.submit(b"\x89PNG\r\n\x1a\n words")
    cloud.deliver(cloud.receive())
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/result")
    assert (answer.status, answer.json["code"], answer.json["retriable"]) == (409, "JOB_FAILED", False)
    assert "NOT_AN_IMAGE" in answer.json["detail"]


def test_expired_job_is_not_found(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB deletes late, so the API checks the expiry itself."""
    job = cloud.submit(IMAGE)
    cloud.deliver(cloud.receive())
    dependencies = api.dependencies.get_dependencies()
    later = dependencies.clock() + timedelta(days=dependencies.settings.retention_days, seconds=1)
    object.__setattr__(dependencies, "clock", lambda: later)
    assert cloud.call("GET", f"/v1/jobs/{job['id']}").status == 404
    assert cloud.call("GET", "/v1/jobs").json["jobs"] == []
    assert cloud.call("GET", f"/v1/jobs/{job['id']}/result").json["code"] == "RESULT_EXPIRED"
    monkeypatch.undo()


def test_unchanged_job_gets_304(cloud: Cloud) -> None:
    """The ETag identifies the state: 304 for the same state, 200 for a new one."""
    job = cloud.submit(IMAGE)
    path = f"/v1/jobs/{job['id']}"
    etag = cloud.call("GET", path).headers["ETag"]
    for named in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        unchanged = cloud.call("GET", path, headers={"If-None-Match": named})
        assert (unchanged.status, unchanged.text, unchanged.headers["Retry-After"]) == (304, "", "1"), named
    cloud.deliver(cloud.receive())
    assert cloud.call("GET", path, headers={"If-None-Match": etag}).status == 200


def test_another_callers_job_is_not_found(cloud: Cloud) -> None:
    """Other callers get the response of an unknown ID, and an empty list."""
    mine, other = ({"userArn": f"arn:aws:iam::1:user/{name}"} for name in ("me", "you"))
    job = cloud.submit(IMAGE, identity=mine)
    assert cloud.call("GET", f"/v1/jobs/{job['id']}", identity=mine).status == 200
    denied = cloud.call("GET", f"/v1/jobs/{job['id']}", identity=other)
    unknown = cloud.call("GET", f"/v1/jobs/{UNKNOWN_ID}", identity=other)
    same = ("type", "title", "status", "detail", "code", "retriable", "errors")
    assert {name: denied.json[name] for name in same} == {name: unknown.json[name] for name in same}
    assert cloud.call("GET", "/v1/jobs", identity=other).json["jobs"] == []
    assert len(cloud.call("GET", "/v1/jobs", identity=mine).json["jobs"]) == 1


def list_ids(cloud: Cloud, **query: str) -> list[str]:
    """Return the IDs of all pages of a listing."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = cloud.call("GET", "/v1/jobs", query={**query, **cursor})
        page = answer.json
        found += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            assert "Link" not in answer.headers
            return found
        assert page["next_cursor"] in answer.headers["Link"]
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("limit", ["1", "3", "7", "100"])
def test_listing_shows_each_job_once_newest_first(cloud: Cloud, limit: str) -> None:
    """With any page size, the pages list every job once, newest first."""
    created = [cloud.submit(IMAGE)["id"] for _ in range(7)]
    assert list_ids(cloud, limit=limit) == sorted(created, reverse=True)


def test_listing_filters_by_status_and_time(cloud: Cloud) -> None:
    """Filters select exactly the matching jobs."""
    done = cloud.submit(IMAGE)
    cloud.deliver(cloud.receive())
    waiting = cloud.submit(IMAGE)
    assert list_ids(cloud, status="COMPLETED", limit="1") == [done["id"]]
    assert list_ids(cloud, status="PENDING") == [waiting["id"]]
    assert list_ids(cloud, status="CANCELLED") == []
    moment = datetime.fromisoformat(done["uploaded_at"])
    assert len(list_ids(cloud, since=moment.isoformat())) == 2
    assert list_ids(cloud, until=moment.isoformat()) == []
    assert list_ids(cloud, since=(moment + timedelta(hours=1)).isoformat()) == []
    assert list_ids(cloud, since=moment.isoformat(), until="2001-01-01T00:00:00") == []


def test_listing_filters_by_part_of_the_name(cloud: Cloud) -> None:
    """The case and the form in which accents are written do not matter. Pages have the usual size and order."""
    names = ["Café 1.JPG", "cafe 2.jpg", "Strasse.png", "other.jpg", "CAFE\u0301 3.jpg"]
    ids = {name: cloud.submit(IMAGE, query={"filename": name})["id"] for name in names}
    accented = [ids["CAFE\u0301 3.jpg"], ids["Café 1.JPG"]]
    for text in ("café", "CAFE\u0301", "fé "):
        assert list_ids(cloud, filename=text, limit="1") == accented
    assert list_ids(cloud, filename=".jpg") == [each for each in list_ids(cloud) if each != ids["Strasse.png"]]
    assert list_ids(cloud, filename="STRAßE") == [ids["Strasse.png"]]
    assert list_ids(cloud, filename="%") == []
    assert list_ids(cloud, filename="cafe", status="COMPLETED") == []
    assert list_ids(cloud, filename="cafe", status="PENDING") == [ids["cafe 2.jpg"]]


def test_listing_adds_links_to_the_results(cloud: Cloud) -> None:
    """Temporary ones, which the next page has too. Without `links`, there are none."""
    for _ in range(2):
        cloud.submit(IMAGE)
    cloud.deliver(cloud.receive())
    assert [job["result"]["url"] for job in cloud.call("GET", "/v1/jobs").json["jobs"]] == [None, None]
    page = cloud.call("GET", "/v1/jobs", query={"links": "true", "limit": "1"})
    (job,) = page.json["jobs"]
    assert urlsplit(job["result"]["outputs"][0]["url"]).path.endswith(job["key"])
    assert "links=true" in page.headers["Link"]


def test_search_reads_a_limited_number_of_records_per_page(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without a match has a cursor that continues, and its link keeps the filter."""
    monkeypatch.setattr(job_listing, "MAX_PAGE", 2)
    monkeypatch.setattr(job_listing, "MAX_EXAMINED", 2)
    rare = cloud.submit(IMAGE, query={"filename": "rare.jpg"})["id"]
    for number in range(4):
        cloud.submit(IMAGE, query={"filename": f"{number}.jpg"})
    first = cloud.call("GET", "/v1/jobs", query={"filename": "rare"})
    assert first.json["jobs"] == []
    assert "filename=rare" in first.headers["Link"]
    assert list_ids(cloud, filename="rare") == [rare]


def test_health_checks_the_table(cloud: Cloud) -> None:
    """Without the table the API returns 503 or 500."""
    assert cloud.call("GET", "/v1/health").json["status"] == "ok"
    cloud.clients.dynamodb.delete_table(TableName="Images")
    assert cloud.call("GET", "/v1/health").status >= 500


def test_the_index_links_to_what_exists(cloud: Cloud) -> None:
    """Each link that can be read without a body answers."""
    answer = cloud.call("GET", "/v1")
    links = answer.json["links"]
    assert links.pop("self") == "http://gateway.test:4566/prod/v1"
    assert answer.json["name"] == "Safelight"
    assert {"openapi", "jobs", "capabilities"} <= links.keys()
    for name, link in links.items():
        status = cloud.call("GET", link.removeprefix("http://gateway.test:4566/prod")).status
        assert status == (405 if name == "uploads" else 200), name


def test_openapi_has_an_entity_tag(cloud: Cloud) -> None:
    """A client that has the document gets 304. The tag differs for another host, which the document contains."""
    answer = cloud.call("GET", "/v1/openapi.json")
    tag = answer.headers["ETag"]
    again = cloud.call("GET", "/v1/openapi.json", headers={"If-None-Match": tag})
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
    assert cloud.call("GET", "/v1/openapi.json", headers={"If-None-Match": 'W/"other"'}).status == 200
    assert cloud.call("GET", "/v1/openapi.json", headers={"Host": "other.test"}).headers["ETag"] != tag


def test_openapi_describes_every_route(cloud: Cloud) -> None:
    """The document is OpenAPI 3.1 and names the server. The page contains it and loads nothing from other hosts."""
    spec = cloud.call("GET", "/v1/openapi.json").json
    assert spec["openapi"].startswith("3.1")
    assert spec["servers"][0]["variables"]["baseUrl"]["default"] == "http://gateway.test:4566/prod"
    assert set(spec["paths"]) == {
        "/v1/jobs",
        "/v1/jobs/{job_id}",
        "/v1/jobs/{job_id}/raw",
        "/v1/jobs/{job_id}/receipt",
        "/v1/jobs/{job_id}/result",
        "/v1/jobs/{job_id}/outputs/{name}",
        "/v1/jobs/{job_id}/cancel",
        "/v1/jobs/{job_id}/retry",
        "/v1/uploads",
        "/v1/uploads/{job_id}/form",
        "/v1/uploads/{job_id}/confirm",
        "/v1/batches/{batch_id}/pause",
        "/v1/batches/{batch_id}/resume",
        "/v1/uploads/sign",
        "/v1/uploads/{job_id}/abort",
        "/v1/uploads/{job_id}/parts",
        "/v1/uploads/{job_id}/complete",
        "/v1/tokens",
        "/v1/tokens/{token_id}",
        "/v1/batches",
        "/v1/batches/{batch_id}",
        "/v1/batches/{batch_id}/items",
        "/v1/batches/{batch_id}/close",
        "/v1/batches/{batch_id}/cancel",
        "/v1/batches/{batch_id}/retry-failed",
        "/v1/batches/{batch_id}/backfill",
        "/v1/webhooks",
        "/v1/webhooks/{name}",
        "/v1/webhooks/{name}/secret",
        "/v1/webhooks/{name}/deliveries",
        "/v1/webhooks/{name}/deliveries/{event_id}/replay",
        "/v1/dead-letters",
        "/v1/dead-letters/redrive",
        "/v1/watches",
        "/v1/watches/{watch_id}",
        "/v1/watches/{watch_id}/pause",
        "/v1/watches/{watch_id}/resume",
        "/v1/plan",
        "/v1/assets",
        "/v1/assets/{name}",
        "/v1/assets/{name}/image",
        "/v1/presets",
        "/v1/presets/{name}",
        "/v1/capabilities",
        "/v1/health",
    }
    assert set(spec["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]) >= {
        "application/octet-stream",
        "multipart/form-data",
        "application/json",
    }
    for path, member in (("/v1/jobs/{job_id}/retry", "pipeline"), ("/v1/dead-letters/redrive", "reason")):
        schema = spec["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert member in spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
        headers = [each["name"] for each in spec["paths"][path]["post"]["parameters"] if each["in"] == "header"]
        assert [name.lower() for name in headers] == ["idempotency-key"]
    page = cloud.call("GET", "/v1/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert json.dumps(spec["info"]["title"]) in page.text
