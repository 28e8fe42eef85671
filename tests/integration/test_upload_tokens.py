"""Upload tokens: what they allow, and that nothing else is possible with them."""

import base64
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud
from support.multipart import PART, send_part, split
from support.thorough import every

import api.dependencies
import api.tokens.access
from api.app import app
from shared.clock import utc_now
from shared.jobs.upload_token import format_token

IMAGE = sample_images.make_jpeg()
ORIGIN = "https://app.example.com"
#: A caller that the gateway has verified.
BACKEND: Mapping[str, Any] = {"identity": {"userArn": "arn:aws:iam::1:user/backend"}}
OTHER: Mapping[str, Any] = {"identity": {"userArn": "arn:aws:iam::1:user/other"}}
ROUTES = sorted({(str(each.method), str(each.path)) for each in (*app._static_routes, *app._dynamic_routes)})


@dataclass(frozen=True)
class Page:
    """A web page with an upload token."""

    cloud: Cloud
    token: Mapping[str, Any]
    origin: str | None = ORIGIN

    def call(self, method: str, path: str, body: bytes | str | None = None, **more: Any) -> Answer:
        """Send a request with the token, as a browser does."""
        given = {"Authorization": f"Bearer {self.token['token']}"} | ({"Origin": self.origin} if self.origin else {})
        headers = given | more.pop("headers", {})
        return self.cloud.call(method, path, body, headers=headers, **{"is_open": True, **more})

    def submit(self, body: bytes = IMAGE, **more: Any) -> Answer:
        """Create a job from raw bytes."""
        headers = {"Content-Type": "image/jpeg", **more.pop("headers", {})}
        return self.call("POST", "/v1/jobs", body, headers=headers, **more)

    def post(self, path: str, text: str, **more: Any) -> Answer:
        """Post JSON."""
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        return self.call("POST", path, text, headers=headers, **more)

    def read(self) -> dict[str, Any]:
        """Return the token as its owner sees it."""
        answer = self.cloud.call("GET", f"/v1/tokens/{self.token['id']}", **BACKEND)
        assert answer.status == 200, answer.text
        token: dict[str, Any] = answer.json
        return token


def create(cloud: Cloud, *, of: Mapping[str, Any] = BACKEND, **fields: Any) -> Page:
    """Create a token and return a page that has it."""
    answer = cloud.post("/v1/tokens", {"preset": "web", "max_files": 3, "origin": ORIGIN, **fields}, **of)
    assert answer.status == 201, answer.text
    return Page(cloud, answer.json, answer.json["origin"])


def code(answer: Answer) -> tuple[int, str]:
    """Return the status and the code of an error."""
    return answer.status, answer.json["code"]


def test_a_page_uploads_and_reads_its_job(cloud: Cloud) -> None:
    """The job has the token's preset, tags and owner; all links lead back through the token's path."""
    page = create(cloud, tags={"user": "42"})
    assert page.token["url"] == "http://gateway.test:4566/prod/token/v1"
    created = page.submit(query={"filename": "a.jpg"})
    assert created.status == 202, created.text
    job = created.json
    assert (job["preset"]["name"], job["tags"], job["token_id"]) == ("web", {"user": "42"}, page.token["id"])
    assert cloud.job(job["id"]).owner == "iam:arn:aws:iam::1:user/backend"
    assert cloud.deliver(cloud.receive()) == []
    links = re.findall(r'"(http://gateway[^"]*)"', page.call("GET", f"/v1/jobs/{job['id']}").text)
    assert len(links) >= 3
    assert {link[: len(page.token["url"])] for link in links} == {page.token["url"]}
    assert created.headers["Location"].startswith(page.token["url"])
    for path in ("result", "outputs/image"):
        assert page.call("GET", f"/v1/jobs/{job['id']}/{path}").status == 303
    assert cloud.call("GET", f"/v1/jobs/{job['id']}", **BACKEND).json["links"]["self"].count("/token/") == 0


def test_every_kind_of_upload_is_possible(cloud: Cloud) -> None:
    """A form, raw bytes, JSON and a direct upload; each counts as one file with its bytes."""
    page = create(cloud, max_files=4)
    boundary = "b0undary"
    form = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        ).encode()
        + IMAGE
        + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    assert page.call("POST", "/v1/jobs", form, headers=headers).status == 202
    assert page.submit().status == 202
    content = base64.b64encode(IMAGE).decode()
    assert page.post("/v1/jobs", f'{{"content": "{content}"}}').status == 202
    upload = page.post("/v1/uploads", f'{{"content_type": "image/jpeg", "size": {len(IMAGE)}}}')
    assert upload.status == 201, upload.text
    assert page.call("POST", f"/v1/uploads/{upload.json['id']}/form").status == 200
    cloud.store(upload.json["upload"]["fields"]["key"], IMAGE)
    assert page.call("POST", f"/v1/uploads/{upload.json['id']}/confirm").status == 202
    token = page.read()
    assert (token["files"], token["bytes"], token["state"]) == (4, 4 * len(IMAGE), "USED_UP")


def test_an_upload_in_parts_is_possible(cloud: Cloud) -> None:
    """With the routes of its own and with the one of Uppy. Uploads of another token are not found by their key."""
    page, other = create(cloud), create(cloud)
    whole = IMAGE + bytes(PART + 1000 - len(IMAGE))
    declared = {"content_type": "image/jpeg", "size": len(whole), "method": "multipart"}
    job = page.post("/v1/uploads", json.dumps(declared)).json
    upload_id = job["multipart"]["upload_id"]
    asked = json.dumps({"upload_id": upload_id, "part_numbers": [1, 2]})
    signed = page.post(f"/v1/uploads/{job['id']}/parts", asked).json["parts"]
    for part, data in zip(signed, split(whole), strict=True):
        send_part(cloud, part, data)
    listed = page.call("GET", f"/v1/uploads/{job['id']}/parts", query={"upload_id": upload_id})
    assert len(listed.json["parts"]) == 2
    for method in ("GET", "POST", "DELETE"):
        sign = json.dumps({"method": method, "key": f"raw/direct/{job['id']}", "uploadId": upload_id})
        assert code(other.post("/v1/uploads/sign", sign)) == (404, "JOB_NOT_FOUND")
    assert page.post("/v1/uploads/sign", sign.replace("DELETE", "GET")).status == 200
    completed = page.post(f"/v1/uploads/{job['id']}/complete", json.dumps({"upload_id": upload_id}))
    assert completed.status == 202, completed.text
    assert (page.read()["files"], page.read()["bytes"]) == (1, len(whole))


def test_uppy_can_not_choose_what_happens(cloud: Cloud) -> None:
    """The first request for a file creates a job, with the preset of the token."""
    page = create(cloud)
    asked = {"method": "PUT", "key": "a.jpg", "contentType": "image/jpeg", "size": 10}
    refused = page.post("/v1/uploads/sign", json.dumps({**asked, "preset": "thumbnail"}))
    assert code(refused) == (403, "TOKEN_FORBIDDEN")
    signed = [page.post("/v1/uploads/sign", json.dumps(asked)) for _ in range(4)]
    assert [each.status for each in signed] == [200, 200, 200, 429]
    job = page.call("GET", f"/v1/jobs/{signed[0].json['job_id']}").json
    assert (job["preset"]["name"], job["token_id"]) == ("web", page.token["id"])


@pytest.mark.parametrize("field", ["preset", "pipeline", "width", "webhook", "format", "grayscale"])
def test_a_page_can_not_choose_what_happens(cloud: Cloud, field: str) -> None:
    """Not even with the values of the token, in any kind of request; nothing is counted."""
    page = create(cloud)
    value = {"preset": "web", "pipeline": "{}", "width": "300", "webhook": "w", "format": "png", "grayscale": "false"}
    assert code(page.submit(query={field: value[field]})) == (403, "TOKEN_FORBIDDEN")
    upload = page.post("/v1/uploads", '{"content_type": "image/jpeg"}', query={field: value[field]})
    assert code(upload) == (403, "TOKEN_FORBIDDEN")
    assert page.read()["files"] == 0


def test_a_page_can_not_import(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import would read with the permissions of the service."""
    monkeypatch.setenv("IMPORT_BUCKETS", "shop")
    page = create(cloud)
    assert code(page.post("/v1/jobs", '{"source": "s3://shop/a.jpg"}')) == (403, "TOKEN_FORBIDDEN")


#: What anyone can read, because it is the same in all stacks. tests/integration/test_errors.py checks the content.
PUBLIC = {("GET", "/v1/errors"), ("GET", "/v1/errors/<code>")}


@pytest.mark.parametrize(("method", "path"), every(2, ROUTES), ids=[f"{method} {path}" for method, path in ROUTES])
def test_only_listed_routes_are_allowed(cloud: Cloud, method: str, path: str) -> None:
    """Every other route of the API, also one that is added later, gets 403, whether the gateway checks or not."""
    page = create(cloud)
    mine = page.submit().json["id"]
    owners = cloud.submit(IMAGE, **BACKEND)["id"]
    is_listed = (method, path) in api.tokens.access.ROUTES
    for job_id, is_open in product((mine, owners), (True, False)):
        concrete = re.sub(r"<\w+>", "web", path.replace("<job_id>", job_id))
        answer = page.call(method, concrete, is_open=is_open)
        if (method, path) in PUBLIC:
            assert answer.status == (404 if "<code>" in path else 200)
        elif not is_listed:
            assert code(answer) == (403, "TOKEN_FORBIDDEN")
        elif job_id == owners and "<job_id>" in path:
            assert code(answer) == (404, "JOB_NOT_FOUND")
        else:
            assert answer.status not in {401, 403, 404} or answer.json["code"] == "OUTPUT_NOT_FOUND"


def test_unknown_paths_are_refused(cloud: Cloud) -> None:
    """With 403, whatever the method."""
    page = create(cloud)
    for method, path in (("GET", "/v1/nothing"), ("PUT", "/v1/jobs"), ("GET", "/"), ("GET", "/v1/../v1/tokens")):
        assert page.call(method, path).status == 403


def test_the_listed_routes_exist() -> None:
    """A route that is renamed can't stay in the list."""
    assert set(ROUTES) >= api.tokens.access.ROUTES


def test_jobs_of_other_tokens_are_not_found(cloud: Cloud) -> None:
    """Also jobs of another token of the same owner, on each route, in any case of the ID."""
    mine, other = create(cloud), create(cloud)
    upload = other.post("/v1/uploads", '{"content_type": "image/jpeg"}').json["id"]
    for method, path in sorted(api.tokens.access.ROUTES):
        if "<job_id>" in path:
            for job_id in (upload, upload.lower()):
                concrete = path.replace("<job_id>", job_id).replace("<name>", "image")
                assert code(mine.call(method, concrete)) == (404, "JOB_NOT_FOUND")


def test_tokens_share_no_idempotency_keys(cloud: Cloud) -> None:
    """Neither with each other nor with their owner, on each route that has keys."""
    first, second = create(cloud), create(cloud)
    headers = {"Idempotency-Key": "k"}
    owners = cloud.call("POST", "/v1/jobs", IMAGE, headers=headers | {"Content-Type": "image/jpeg"}, **BACKEND)
    jobs = {each.submit(headers=headers).json["id"] for each in (first, second)} | {owners.json["id"]}
    assert len(jobs) == 3
    uploads = []
    for each in (first, second):
        answer = each.post("/v1/uploads", '{"content_type": "image/jpeg"}', headers=headers)
        uploads.append(answer.json["id"])
        for action in ("form", "confirm"):
            repeated = each.call("POST", f"/v1/uploads/{answer.json['id']}/{action}", headers=headers)
            assert repeated.json.get("code") in {None, "UPLOAD_INCOMPLETE"}
    assert uploads[0] != uploads[1]


def test_files_are_counted_exactly(cloud: Cloud) -> None:
    """A repeated request counts once, also one that used the last file. Refused requests count nothing."""
    page = create(cloud, max_files=2)
    assert page.submit(b"no image").status == 415
    headers = [{"Idempotency-Key": str(uuid.uuid4())} for _ in range(3)]
    first = [page.submit(headers=each).json["id"] for each in headers[:2]]
    assert [page.submit(headers=each).json["id"] for each in headers[:2]] == first
    refused = page.submit(headers=headers[2])
    assert code(refused) == (429, "TOKEN_USED_UP")
    assert refused.json["retriable"] is False
    assert page.call("GET", f"/v1/jobs/{first[0]}").status == 200
    assert page.read()["files"] == 2


def test_a_repeated_request_after_a_crash_counts_once(cloud: Cloud) -> None:
    """The response to the first try was never stored, and the token was used up by it."""
    page = create(cloud, max_files=1)
    headers = {"Idempotency-Key": "k"}
    job_id = page.submit(headers=headers).json["id"]
    for item in cloud.clients.dynamodb.scan(TableName="Idempotency")["Items"]:
        if "Answer" in item:
            del item["Answer"]
            item["LeaseUntil"] = {"S": "2020-01-01T00:00:00.000Z"}
            cloud.clients.dynamodb.put_item(TableName="Idempotency", Item=item)
    assert page.submit(headers=headers).json["id"] == job_id
    assert page.read()["files"] == 1


def test_bytes_are_counted_exactly(cloud: Cloud) -> None:
    """A file that fits exactly is accepted; an upload without a size counts the largest image."""
    page = create(cloud, max_bytes=2 * len(IMAGE) - 1)
    assert page.submit().status == 202
    assert code(page.submit()) == (429, "TOKEN_USED_UP")
    assert code(page.post("/v1/uploads", '{"content_type": "image/jpeg"}')) == (429, "TOKEN_USED_UP")
    last = page.post("/v1/uploads", f'{{"content_type": "image/jpeg", "size": {len(IMAGE) - 1}}}')
    assert last.status == 201, last.text
    assert (page.read()["bytes"], page.read()["state"]) == (2 * len(IMAGE) - 1, "USED_UP")


def test_a_revoked_token_is_refused_at_once(cloud: Cloud) -> None:
    """On every route. A second revocation changes nothing, and only the owner can revoke."""
    page = create(cloud)
    job_id = page.submit().json["id"]
    path = f"/v1/tokens/{page.token['id']}"
    assert code(cloud.call("DELETE", path, **OTHER)) == (404, "TOKEN_NOT_FOUND")
    revoked = cloud.call("DELETE", path, **BACKEND)
    assert (revoked.status, revoked.json["state"]) == (200, "REVOKED")
    assert cloud.call("DELETE", path, **BACKEND).json == revoked.json
    for answer in (page.submit(), page.call("GET", f"/v1/jobs/{job_id}")):
        assert code(answer) == (401, "TOKEN_REVOKED")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_that_is_revoked_meanwhile_creates_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction that creates the job decides, not the check before."""
    page = create(cloud)
    tokens = api.dependencies.get_dependencies().tokens
    real = tokens.reserve
    calls = iter(range(9))

    def reserve_late(*args: Any, **more: Any) -> Any:
        write = real(*args, **more)
        if next(calls) == 1:  # after the check before the image is stored
            cloud.call("DELETE", f"/v1/tokens/{page.token['id']}", **BACKEND)
        return write

    monkeypatch.setattr(tokens, "reserve", reserve_late)
    assert code(page.submit()) == (401, "TOKEN_REVOKED")
    assert cloud.call("GET", "/v1/jobs", **BACKEND).json["jobs"] == []


def test_an_expired_token_is_refused(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment at which it expires."""
    page = create(cloud, expires_in=3600)
    assert page.submit().status == 202
    later = utc_now() + timedelta(seconds=3601)
    dependencies = api.dependencies.get_dependencies()
    monkeypatch.setattr(api.app, "get_dependencies", lambda: replace(dependencies, clock=lambda: later))
    assert code(page.submit()) == (401, "TOKEN_EXPIRED")


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "gateway"])
def test_only_the_exact_token_is_accepted(cloud: Cloud, is_open: bool) -> None:
    """Each wrong token gets the same response, so nothing can be learned by guessing."""
    page = create(cloud)
    text, token_id = str(page.token["token"]), page.token["id"]
    secret = text.rpartition(token_id + "_")[2]
    other = create(cloud).token["token"]
    wrong = (
        format_token(token_id, secret[:-1] + ("A" if secret[-1] != "A" else "B")),
        format_token("01JD9ZK8V4M2Q6X3T5R7W9Y1AB", secret),
        format_token(token_id, str(other).rpartition("_")[2][-43:]),
        text + "x",
        text[:-1],
        text.lower(),
        "slt_",
        f"slt_{token_id}_" + "é" * 43,
    )
    for each in wrong:
        answer = page.cloud.call(
            "POST", "/v1/jobs", IMAGE, headers={"Authorization": f"Bearer {each}"}, is_open=is_open
        )
        if is_open or each.startswith("slt_"):
            assert code(answer) == (401, "TOKEN_INVALID"), each


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer eyJhbGciOiJub25l"}])
@pytest.mark.parametrize("identity", [{}, BACKEND, {"authorizer": {"claims": {"sub": "u1"}}}], ids=["", "iam", "sub"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/jobs"), ("POST", "/v1/tokens"), ("GET", "/v1/health")])
def test_the_open_path_needs_a_token(
    cloud: Cloud, headers: dict[str, str], identity: dict[str, Any], method: str, path: str
) -> None:
    """Also if the event has an identity: nobody has verified it there."""
    answer = cloud.call(method, path, headers=headers, is_open=True, **identity)
    assert code(answer) == (401, "TOKEN_INVALID")


def test_the_resource_decides_whether_a_path_is_open(cloud: Cloud) -> None:
    """A path that looks open, but has reached the resource that the gateway protects, is not found."""
    assert cloud.call("GET", "/token/v1/jobs", **BACKEND).status == 404


def test_the_secret_is_stored_nowhere(cloud: Cloud) -> None:
    """Neither in the tables nor in other responses; only its digest is stored."""
    page = create(cloud)
    page.submit()
    secret = str(page.token["token"]).split("_", 2)[2]
    for table in ("Idempotency", "Images", "Batches"):
        assert secret not in str(cloud.clients.dynamodb.scan(TableName=table)["Items"])
    assert secret not in cloud.call("GET", f"/v1/tokens/{page.token['id']}", **BACKEND).text


def test_tokens_are_listed_newest_first(cloud: Cloud) -> None:
    """By page, with their counts; other callers see none."""
    pages = [create(cloud) for _ in range(3)]
    pages[0].submit()
    first = cloud.call("GET", "/v1/tokens", query={"limit": "2"}, **BACKEND).json
    rest = cloud.call("GET", "/v1/tokens", query={"limit": "2", "cursor": first["next_cursor"]}, **BACKEND).json
    listed = [*first["tokens"], *rest["tokens"]]
    assert {each["id"] for each in listed} == {page.token["id"] for page in pages}
    assert [each["id"] for each in listed] == sorted((each["id"] for each in listed), reverse=True)
    assert {each["id"]: each["files"] for each in listed}[pages[0].token["id"]] == 1
    assert rest["next_cursor"] is None
    assert cloud.call("GET", "/v1/tokens", **OTHER).json["tokens"] == []
    assert code(cloud.call("GET", f"/v1/tokens/{pages[0].token['id']}", **OTHER)) == (404, "TOKEN_NOT_FOUND")
    assert code(cloud.call("GET", "/v1/tokens", query={"cursor": "x"}, **BACKEND)) == (400, "BAD_CURSOR")


def test_the_pipeline_is_the_one_of_the_creation(cloud: Cloud) -> None:
    """A preset that is changed later does not change the token."""
    body = '{"pipeline": {"operations": [{"op": "resize", "width": 50}]}}'
    headers = {"Content-Type": "application/json"}
    cloud.call("PUT", "/v1/presets/mine", body, headers=headers, **BACKEND)
    page = create(cloud, preset="mine")
    cloud.call("PUT", "/v1/presets/mine", body.replace("50", "60"), headers=headers, **BACKEND)
    job = page.submit().json
    assert (job["pipeline"]["operations"][0]["width"], job["preset"]["version"]) == (50, 1)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"max_files": 0}, "/max_files"),
        ({"max_files": True}, "/max_files"),
        ({"max_files": 10_001}, "/max_files"),
        ({"max_bytes": 0}, "/max_bytes"),
        ({"expires_in": 0}, "/expires_in"),
        ({"expires_in": 604_801}, "/expires_in"),
        ({"origin": "https://app.example.com/"}, "/origin"),
        ({"origin": "https://App.example.com"}, "/origin"),
        ({"origin": "https://app.example.com:443"}, "/origin"),
        ({"origin": "*"}, "/origin"),
        ({"origin": "null"}, "/origin"),
        ({"tags": {"a b": "x"}}, "/tags"),
        ({"tags": {"a": 1}}, "/tags"),
        ({"tags": {"a": "x\ny"}}, "/tags"),
        ({"tags": {str(number): "x" for number in range(11)}}, "/tags"),
        ({"filename": "a.jpg"}, "/filename"),
        ({"preset": "nothing"}, "/preset"),
        ({"webhook": "nothing"}, "/webhook"),
        ({"other": 1}, "/other"),
    ],
)
def test_invalid_tokens_are_not_created(cloud: Cloud, fields: dict[str, Any], pointer: str) -> None:
    """The error names the field."""
    answer = cloud.post("/v1/tokens", fields, **BACKEND)
    assert answer.status == 422
    assert pointer in {each["pointer"] for each in answer.json["errors"]}


def test_only_the_page_of_the_token_may_use_it(cloud: Cloud) -> None:
    """Its responses can be read by its origin only. Without an origin, every page may use it."""
    page = create(cloud)
    mine = page.submit()
    assert mine.headers["Access-Control-Allow-Origin"] == ORIGIN
    for origin in ("https://evil.example.com", "null", f"{ORIGIN}:8443"):
        answer = page.submit(headers={"Origin": origin})
        assert code(answer) == (403, "TOKEN_ORIGIN")
        assert "Access-Control-Allow-Origin" not in answer.headers
    without = Page(cloud, page.token, None)
    assert code(without.submit()) == (403, "TOKEN_ORIGIN")
    assert without.call("GET", f"/v1/jobs/{mine.json['id']}").status == 200
    anyone = create(cloud, origin=None)
    answer = anyone.submit(headers={"Origin": "https://any.example.com"})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (202, "https://any.example.com")


def test_a_preflight_of_the_open_path_is_allowed_to_all(cloud: Cloud) -> None:
    """It has no token. The other path keeps its own origins."""
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = cloud.call("OPTIONS", "/v1/jobs", headers=headers, is_open=True)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in cloud.call("OPTIONS", "/v1/jobs", headers=headers).headers
    refused = cloud.call("POST", "/v1/jobs", headers={"Origin": ORIGIN}, is_open=True)
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)


def test_requests_of_a_token_have_their_own_limit(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that sends too many requests does not stop its owner or another token."""
    monkeypatch.setenv("OWNER_REQUESTS", "4")
    cloud.stop_clock()
    page, other = create(cloud), create(cloud)
    path = "/v1/jobs/01JD9ZK8V4M2Q6X3T5R7W9Y1AB"
    assert [page.call("GET", path).status for _ in range(5)] == [404, 404, 404, 404, 429]
    assert other.call("GET", path).status == 404
    assert cloud.call("GET", "/v1/jobs", **BACKEND).status == 200


def test_the_event_of_a_job_has_the_tags(cloud: Cloud) -> None:
    """The backend finds out for whom the image is."""
    page = create(cloud, tags={"user": "42"})
    job_id = page.submit().json["id"]
    cloud.deliver(cloud.receive())
    cloud.notify(cloud.make_stream_record(job_id))
    (event,) = cloud.receive_events()
    assert event["data"]["tags"] == {"user": "42"}


@pytest.mark.parametrize("base_path", ["", "/safelight", "/token"])
def test_tokens_work_below_a_custom_domain_name(cloud: Cloud, base_path: str) -> None:
    """Links have its base path."""
    host = {"Host": "images.example.com", "X-Forwarded-Proto": "https"}
    answer = cloud.post("/v1/tokens", {}, headers=host, base_path=base_path, **BACKEND)
    assert answer.json["url"] == f"https://images.example.com{base_path}/token/v1"
    page = Page(cloud, answer.json, None)
    created = page.submit(headers=host, base_path=base_path)
    assert created.status == 202, created.text
    assert created.headers["Location"].startswith(answer.json["url"] + "/jobs/")
