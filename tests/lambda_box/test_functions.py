"""Every function answers the events of AWS. Each test prints the answer, the processor time and the peak memory."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from support import events, sample_images
from support.lambda_box.stack import BoxedStack
from support.running_stack import post_form
from support.webhook_receiver import receiving

Row = Callable[[str, str, object], None]
JPEG = sample_images.make_jpeg(1600, 1200)
DOMAIN = {"Host": "images.example.com", "X-Forwarded-Proto": "https"}
STAGE = {"Host": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "X-Forwarded-Proto": "https"}


@pytest.fixture
def row(stack: BoxedStack, record_property: Callable[[str, object], None]) -> Row:
    """Return a function that shows one row: a function, its event and its answer."""

    def show(role: str, event: str, answer: object) -> None:
        box = stack.box(role)
        init, last = box.init_cpu_seconds, box.last_cpu_seconds
        peak = box.group.read_peak_bytes() / 1024**2
        text = f"{role:<13}{event:<44}{answer!s:<26}INIT {init:.2f} s, event {last:.2f} s CPU, peak {peak:.0f} MiB"
        record_property("shown", text)

    return show


@pytest.mark.parametrize(
    ("base_path", "headers", "base"),
    [
        (None, STAGE, f"https://{STAGE['Host']}/prod"),
        ("", DOMAIN, "https://images.example.com"),
        ("/safelight", DOMAIN, "https://images.example.com/safelight"),
    ],
    ids=["stage", "domain name", "base path"],
)
def test_api_takes_binary_images(
    stack: BoxedStack, row: Row, base_path: str | None, headers: dict[str, str], base: str
) -> None:
    """A base64-encoded body below a stage, a domain name and a base path: all links lead back to the API."""
    reply = stack.call("POST", "/v1/jobs", JPEG, headers={"Content-Type": "image/jpeg", **headers}, base_path=base_path)
    assert reply.status == 202, reply.body
    row("api", f"POST image, {base.removeprefix('https://')[-24:]}", reply.status)
    assert reply.headers["Location"] == f"{base}/v1/jobs/{reply.json['id']}"
    assert reply.json["links"]["self"] == reply.headers["Location"]
    document = stack.call("GET", "/v1/openapi.json", headers=headers, base_path=base_path)
    assert document.json["servers"][0]["variables"]["baseUrl"]["default"] == base
    row("api", "GET openapi.json", document.status)
    stack.run_jobs(reply.json["id"])


def test_api_answers_each_kind_of_request(stack: BoxedStack, row: Row) -> None:
    """Base64 text, several values of a header field, HEAD, preflight, a redirect, an error."""
    created = stack.call("POST", "/v1/jobs", base64.b64encode(JPEG).decode(), headers={"Content-Type": "text/plain"})
    row("api", "POST base64 text", created.status)
    path = f"/v1/jobs/{created.json['id']}"
    (job,) = stack.run_jobs(created.json["id"])
    assert job["status"] == "COMPLETED"
    etag = stack.call("GET", path).headers["ETag"]
    same = stack.call("GET", path, headers={"If-None-Match": [etag, '"other"']})
    row("api", "GET job, two If-None-Match fields", same.status)
    head = stack.call("HEAD", path)
    row("api", "HEAD job", head.status)
    preflight = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    allowed = stack.call("OPTIONS", "/v1/jobs", headers=preflight)
    row("api", "OPTIONS, unknown origin", allowed.status)
    found = stack.call("GET", f"{path}/result")
    row("api", "GET result", found.status)
    unknown = stack.call("GET", "/v1/nothing")
    row("api", "GET unknown path", unknown.status)
    assert (created.status, same.status, head.status) == (202, 304, 200)
    assert head.json["id"] == created.json["id"]  # the gateway counts the bytes and does not send them
    assert "Access-Control-Allow-Origin" not in allowed.headers
    assert (found.status, unknown.status, unknown.json["code"]) == (303, 404, "ROUTE_NOT_FOUND")
    image = httpx.get(found.headers["Location"], trust_env=False, timeout=60)
    assert image.is_success, (found.headers, image.text)
    assert sample_images.decode(image.content).size == (1024, 768)


def test_worker_separates_good_and_bad_messages(stack: BoxedStack, row: Row) -> None:
    """A batch with a good image, a bad image and an unreadable message: only the last is delivered again."""
    good = stack.submit(JPEG)
    bad = stack.submit(JPEG[:500])
    url = stack.find_queue("jobs")
    batch = stack.receive_with("jobs", good, bad)
    unreadable = events.sqs(
        {**events.make_message("unreadable"), "MessageId": "unreadable"}, queue=url.rsplit("/", 1)[-1]
    )
    failed = stack.deliver("worker", {"Records": [*batch["Records"], *unreadable["Records"]]})
    row("worker", "SQS: image, damaged image, unreadable", f"{len(failed)} of 3 again")
    assert failed == ["unreadable"]
    jobs = [stack.call("GET", f"/v1/jobs/{job_id}").json for job_id in (good, bad)]
    assert [job["status"] for job in jobs] == ["COMPLETED", "FAILED"]
    assert jobs[1]["error"]["code"] == "TRUNCATED_IMAGE"


def test_s3_events_reach_the_worker(stack: BoxedStack, row: Row) -> None:
    """The engine's own S3 event of a direct upload passes the upload function, then the worker."""
    reply = stack.call(
        "POST", "/v1/uploads", json.dumps({"content_type": "image/jpeg"}), headers={"Content-Type": "application/json"}
    )
    assert reply.status == 201, reply.body
    stored = post_form(reply.json["upload"], JPEG)
    assert stored.is_success, stored.text
    has_arrived = False
    while not has_arrived:  # S3's message that tests the notification can come first
        event = stack.receive("uploads")
        bodies = [json.loads(record["body"]) for record in event["Records"]]
        has_arrived = any(body.get("Records", [{}])[0].get("eventSource") == "aws:s3" for body in bodies)
        assert stack.deliver("uploads", event) == []
    row("uploads", "SQS: S3 event", "forwarded")
    (job,) = stack.run_jobs(reply.json["id"])
    row("worker", "SQS: S3 event", job["status"])
    assert job["status"] == "COMPLETED"


def test_dead_letters_are_handled(stack: BoxedStack, row: Row) -> None:
    """A dead letter of a waiting job postpones it; an unreadable one is stored."""
    job_id = stack.submit(JPEG)
    for message in (stack.receive_with("jobs", job_id)["Records"][0]["body"], "unreadable"):
        stack.site.sqs.send_message(QueueUrl=stack.site.stack.dead_letter_queue_url, MessageBody=message)
    event = stack.receive_with("dead-letters", job_id, "unreadable")
    assert stack.deliver("dead_letters", event) == []
    row("dead_letters", "SQS: a job's message, unreadable", "both handled")
    assert stack.call("GET", f"/v1/jobs/{job_id}").json["status"] == "PENDING"
    assert len(stack.site.keys("dead-letters/")) == 1


def test_reconciler_answers_its_schedule(stack: BoxedStack, row: Row) -> None:
    """The event of EventBridge has no job; the answer counts the steps."""
    steps = stack.box("reconciler").invoke(events.schedule("safelight-reconciler"))
    row("reconciler", "EventBridge schedule", steps)
    assert isinstance(steps, dict)


def test_walker_creates_the_members_of_a_backfill(stack: BoxedStack, row: Row) -> None:
    """The event of EventBridge has no batch; the walker finds it."""
    (job,) = stack.run_jobs(stack.submit(JPEG))
    body = json.dumps({"preset": "thumbnail", "backfill": {"since": job["uploaded_at"]}})
    reply = stack.call("POST", "/v1/batches", body, headers={"Content-Type": "application/json"})
    assert reply.status == 202, reply.body
    turns = stack.box("walker").invoke(events.schedule("safelight-walker"))
    row("walker", "EventBridge schedule", turns)
    batch = stack.call("GET", f"/v1/batches/{reply.json['batch']['id']}").json
    assert (batch["closed"], batch["total"], batch["walk"]["state"]) == (True, 1, "over")


def test_the_end_of_a_job_reaches_its_webhook(stack: BoxedStack, row: Row) -> None:
    """The stream record passes the notifier and the webhook function, and arrives signed. The schedule answers too."""
    with receiving() as receiver:
        body: dict[str, Any] = {"url": receiver.url}
        hook = stack.call("PUT", "/v1/webhooks/box", json.dumps(body), headers={"Content-Type": "application/json"})
        assert hook.status in {200, 201}, hook.body
        query = {"webhook": "box"}
        created = stack.call("POST", "/v1/jobs", JPEG, headers={"Content-Type": "image/jpeg"}, query=query)
        stack.run_jobs(created.json["id"])
        record = events.make_stream_record(stack.site.item(created.json["id"]))
        assert stack.box("notifier").invoke({"Records": [record]}) == {"batchItemFailures": []}
        row("notifier", "DynamoDB stream: job completed", "published")
        assert stack.deliver("webhooks", stack.receive_with("webhooks", created.json["id"])) == []
        row("webhooks", "SQS: delivery", "delivered")
        (event,) = receiver.verified(hook.json["secret"])
    assert event["type"] == "image.job.completed"
    assert urlsplit(receiver.got[0].path).path == "/hook"
    assert stack.box("webhooks").invoke(events.schedule("safelight-webhooks")) == {"batchItemFailures": []}
    row("webhooks", "EventBridge schedule", "nothing deferred")
