"""Imports from web servers: accepted at once, downloaded by the worker, tried again or failed with a code."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import BUCKET, Answer, Cloud
from support.source_server import SourceServer, make_response, serving

import api.dependencies
import worker.app
from shared.errors import ServiceUnavailable
from shared.jobs.job import JobStatus
from shared.jobs.source import UrlSource

JPEG = sample_images.make_jpeg()
#: A signature, which gives access to the file.
SECRET = "X-Signature=s3cr3t"  # noqa: S105 - made up


@pytest.fixture
def server() -> Iterator[SourceServer]:
    """A web server with one image."""
    with serving({"/chair.jpg": make_response(JPEG), f"/chair.jpg?{SECRET}": make_response(JPEG)}) as made:
        yield made


@pytest.fixture(autouse=True)
def _open(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - sets the other variables first
    """Open the hosts of the tests."""
    monkeypatch.setenv("IMPORT_HOSTS", "127.0.0.1,*.example.com")


def request(cloud: Cloud, source: str, **more: Any) -> Answer:
    """Send a request for an import."""
    return cloud.post("/v1/jobs", {"source": source, **more})


def create(cloud: Cloud, source: str, **more: Any) -> dict[str, Any]:
    """Create a job and return it."""
    answer = request(cloud, source, **more)
    assert answer.status == 202, answer.text
    job: dict[str, Any] = answer.json
    return job


def read(cloud: Cloud, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job as it is now."""
    found: dict[str, Any] = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    return found


def test_a_file_is_downloaded_and_processed(cloud: Cloud, server: SourceServer) -> None:
    """By the worker. The copy becomes the raw image, and no response or event shows the query of the URL."""
    job = create(cloud, server.url(f"/chair.jpg?{SECRET}"), width=4)
    assert (job["status"], job["filename"], job["raw"]["size"]) == ("PENDING", "chair.jpg", None)
    assert server.got == []
    assert cloud.deliver(cloud.receive()) == []
    done = read(cloud, job)
    assert (done["status"], done["result"]["width"], done["raw"]["size"]) == ("COMPLETED", 4, len(JPEG))
    assert done["raw"]["source"] == server.url("/chair.jpg")
    assert cloud.clients.s3.get_object(Bucket=BUCKET, Key=f"raw/import/{job['id']}")["Body"].read() == JPEG
    assert cloud.call("GET", f"/v1/jobs/{job['id']}/raw", query={"redirect": "false"}).status == 200
    receipt = cloud.call("GET", f"/v1/jobs/{job['id']}/receipt").text
    cloud.notify(cloud.make_stream_record(job["id"]))
    assert "s3cr3t" not in f"{job}{done}{receipt}{cloud.receive_events()}"
    assert cloud.call("DELETE", f"/v1/jobs/{job['id']}").status == 200
    assert cloud.keys() == []


def test_a_file_is_downloaded_once(cloud: Cloud, server: SourceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second attempt, after a fault, reads the copy: all attempts process the same bytes."""
    job = create(cloud, server.url("/chair.jpg"))
    processor = worker.app.get_consumer().processor

    def fail(*_: Any) -> None:
        raise ServiceUnavailable

    messages = cloud.receive()
    with monkeypatch.context() as patch:
        patch.setattr(processor.images, "put_processed", fail)
        assert len(cloud.deliver(messages)) == 1
    server.answers["/chair.jpg"] = make_response(b"other")
    assert cloud.deliver(messages) == []
    assert (read(cloud, job)["status"], len(server.got)) == ("COMPLETED", 1)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (make_response(b"", 404), "SOURCE_MISSING"),
        (make_response(b"", 403), "SOURCE_FORBIDDEN"),
        (make_response(JPEG, 302, {"Location": "http://10.0.0.1/a.jpg"}), "SOURCE_FORBIDDEN"),
        (make_response(JPEG, headers={"Content-Encoding": "gzip"}), "SOURCE_INVALID"),
        (make_response(b"", headers={"Content-Length": "999999999"}), "TOO_MANY_BYTES"),
        (make_response(b"<html>"), "NOT_AN_IMAGE"),
    ],
)
def test_what_can_not_be_imported_fails_at_once(cloud: Cloud, server: SourceServer, answer: bytes, code: str) -> None:
    """With a code, after one request."""
    server.answers["/a.jpg"] = answer
    job = create(cloud, server.url())
    assert cloud.deliver(cloud.receive()) == []
    failed = read(cloud, job)
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", code)
    assert failed["error"]["retriable"] is False
    assert len(server.got) == 1


def test_a_server_that_fails_is_tried_again(cloud: Cloud, server: SourceServer) -> None:
    """The attempt counts. After the last one, the job fails with the reason, and its owner can retry it."""
    server.answers["/a.jpg"] = make_response(b"", 503)
    job = create(cloud, server.url())
    messages = cloud.receive()
    for attempt in range(1, 5):
        assert len(cloud.deliver(messages)) == 1
        waiting = cloud.job(job["id"])
        assert (waiting.status, waiting.attempts_used) == (JobStatus.PENDING, attempt)
        assert waiting.history[-1].code == "SOURCE_UNREACHABLE"
    assert cloud.deliver(messages) == []
    failed = read(cloud, job)
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "SOURCE_UNREACHABLE")
    assert failed["error"]["retriable"] is True
    server.answers["/a.jpg"] = make_response(JPEG)
    assert cloud.call("POST", f"/v1/jobs/{job['id']}/retry").status == 202
    cloud.deliver(cloud.receive())
    assert read(cloud, job)["status"] == "COMPLETED"


def test_imports_are_off_by_default(cloud: Cloud, server: SourceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hosts, no URL is accepted, also for members of a batch."""
    monkeypatch.setenv("IMPORT_HOSTS", "")
    refused = request(cloud, server.url())
    assert (refused.status, refused.json["code"]) == (422, "IMPORT_OFF")
    batch = cloud.post("/v1/batches", {"items": [{"source": server.url()}]})
    assert batch.json["items"][0]["error"]["code"] == "IMPORT_OFF"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("https://other.org/a.jpg", "SOURCE_FORBIDDEN"),
        ("https://example.com/a.jpg", "SOURCE_FORBIDDEN"),
        ("https://a.example.com.evil.org/a.jpg", "SOURCE_FORBIDDEN"),
        ("https://user:s3cr3t@images.example.com/a.jpg", "SOURCE_FORBIDDEN"),
        ("HTTPS://", "SOURCE_FORBIDDEN"),
        ("ftp://images.example.com/a.jpg", "INVALID_REQUEST"),
        ("file:///etc/passwd", "INVALID_REQUEST"),
        ("//images.example.com/a.jpg", "INVALID_REQUEST"),
    ],
)
def test_other_urls_are_refused(cloud: Cloud, source: str, code: str) -> None:
    """Before a job is created. No message shows credentials."""
    refused = request(cloud, source)
    assert (refused.status, refused.json["code"]) == (422, code)
    assert "s3cr3t" not in refused.text
    assert cloud.call("GET", "/v1/jobs").json["jobs"] == []


@pytest.mark.parametrize(
    "source", ["http://images.example.com/a.jpg", "https://images.example.com:8443/a.jpg", "https://127.0.0.1/a.jpg"]
)
def test_only_https_is_allowed_on_the_internet(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """With ImportTargets=public, the default."""
    monkeypatch.setenv("IMPORT_TARGETS", "public")
    assert request(cloud, source).json["code"] == "SOURCE_FORBIDDEN"
    assert request(cloud, "https://images.example.com/a.jpg").status == 202


def test_a_version_is_only_for_s3(cloud: Cloud, server: SourceServer) -> None:
    """A web server has none."""
    refused = request(cloud, server.url(), version="1")
    assert refused.json["errors"][0]["pointer"] == "/version"


def test_members_of_a_batch_can_be_files(cloud: Cloud, server: SourceServer) -> None:
    """A member that can't be imported gets an error, and the others are created."""
    items = [{"source": server.url("/chair.jpg")}, {"source": "https://other.org/a.jpg"}]
    batch = cloud.post("/v1/batches", {"preset": "web", "items": items, "close": True}).json
    good, bad = batch["items"]
    assert bad["error"]["code"] == "SOURCE_FORBIDDEN"
    assert cloud.deliver(cloud.receive(cloud.bulk_queue_url)) == []
    assert read(cloud, good["job"])["status"] == "COMPLETED"


def test_the_record_keeps_the_url(cloud: Cloud, server: SourceServer) -> None:
    """The worker needs all of it."""
    url = server.url(f"/chair.jpg?{SECRET}")
    assert cloud.job(create(cloud, url)["id"]).source == UrlSource(url=url)


def test_nothing_is_logged_of_the_query(cloud: Cloud, server: SourceServer) -> None:
    """Neither of an import that succeeds nor of one that fails."""
    printed = io.StringIO()
    loggers: list[Any] = [worker.app.logger, api.dependencies.get_logger()]
    listener = logging.StreamHandler(printed)
    for each in loggers:
        each.addHandler(listener)
        listener.setFormatter(each.handlers[0].formatter)
    server.answers[f"/gone.jpg?{SECRET}"] = make_response(b"", 500)
    for path in ("/chair.jpg", "/gone.jpg"):
        create(cloud, server.url(f"{path}?{SECRET}"))
    while messages := cloud.receive():
        assert len(cloud.deliver(messages)) < len(messages) or len(messages) == 1
        for each in messages:
            cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=each["ReceiptHandle"])
    for each in loggers:
        each.removeHandler(listener)
    assert "SOURCE_UNREACHABLE" in printed.getvalue()
    assert "Job accepted" in printed.getvalue()
    assert "s3cr3t" not in printed.getvalue()
