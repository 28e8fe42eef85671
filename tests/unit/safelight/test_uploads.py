"""Direct uploads and batches through the client."""

from pathlib import Path

import httpx
import pytest
from support.fake_bulk_api import API_URL, BulkApi

from safelight.client import DIRECT_BYTES, Safelight
from safelight.errors import ApiError, UnexpectedAnswer, UploadRefused
from safelight.models import SignedPut, UploadForm
from safelight.transport.timing import Timing

NO_WAITING = Timing(sleep=lambda _seconds: None, jitter=lambda: 0.0)


@pytest.fixture
def bulk() -> BulkApi:
    """An API."""
    return BulkApi()


@pytest.fixture
def client(bulk: BulkApi) -> Safelight:
    """A client of it."""
    return Safelight(API_URL, transport=httpx.MockTransport(bulk), timing=NO_WAITING)


def test_submit_uploads_large_images_to_the_store(client: Safelight, bulk: BulkApi, tmp_path: Path) -> None:
    """The caller does not choose; the returned job has its bytes."""
    path = tmp_path / "scan.tif"
    path.write_bytes(b"x" * DIRECT_BYTES)
    job = client.submit(path, options={"width": 10}, preset=None)
    (made,) = bulk.jobs.values()
    assert (job.id, job.status) == (made["id"], "PENDING")
    assert made["content"] == path.read_bytes()
    wanted = {"filename": "scan.tif", "size": DIRECT_BYTES, "width": 10, "content_type": "application/octet-stream"}
    assert made["request"] == wanted
    assert bulk.calls["POST jobs"] == 0


def test_broken_upload_is_retried_and_expired_form_renewed(client: Safelight, bulk: BulkApi) -> None:
    """With the same job."""
    answers: list[httpx.Response | Exception] = [httpx.ReadError("reset"), httpx.Response(403), httpx.Response(503)]
    bulk.fault = lambda request: answers.pop(0) if request.url.host == "store.test" and answers else None
    job = client.uploads.upload(b"raw", filename="a.png")
    assert list(bulk.jobs) == [job.id]
    assert bulk.received == {job.id: 1}
    assert bulk.calls["POST uploads/…/form"] == 1


@pytest.mark.parametrize("reason", ["KMS.ThrottlingException", "RequestTimeout", "OperationAborted"])
def test_retryable_rejection_is_retried(client: Safelight, bulk: BulkApi, reason: str) -> None:
    """S3 returns 400 if KMS throttles it, and if the connection was idle."""
    answers = [httpx.Response(400, text=f"<Error><Code>{reason}</Code></Error>")]
    bulk.fault = lambda request: answers.pop(0) if request.url.host == "store.test" and answers else None
    job = client.uploads.upload(b"raw", filename="a.png")
    assert bulk.received == {job.id: 1}
    assert answers == []


@pytest.mark.parametrize("source", ["bytes", "file"])
def test_a_signed_put_is_sent_as_it_is(tmp_path: Path, source: str) -> None:
    """With its header fields alone, and the length. S3 already has a file whose response was lost."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        if len(seen) == 1:
            raise httpx.ReadError("reset")
        return httpx.Response(412, text="<Error><Code>PreconditionFailed</Code></Error>")

    client = Safelight(API_URL, transport=httpx.MockTransport(answer), timing=NO_WAITING)
    put = SignedPut(url="https://store.test/raw/1?X-Amz-Signature=1", headers={"If-None-Match": "*"})
    path = tmp_path / "a.png"
    path.write_bytes(b"raw\nimage")
    client.uploads.send(put, path if source == "file" else path.read_bytes())
    assert [(each.method, each.content, each.headers["Content-Length"]) for each in seen] == [
        ("PUT", b"raw\nimage", "9")
    ] * 2
    assert seen[-1].headers["If-None-Match"] == "*"
    assert "Content-Type" not in seen[-1].headers


def test_permanent_rejection_is_raised(client: Safelight, bulk: BulkApi) -> None:
    """With S3's error code, at the first attempt, without the form's content."""
    announced = client.uploads.create(size=5, filename="a.png")
    assert announced.upload is not None
    with pytest.raises(UploadRefused, match="EntityTooLarge") as told:
        client.uploads.send(announced.upload, b"more than five")
    assert (told.value.status, told.value.reason, bulk.calls["POST store"]) == (400, "EntityTooLarge", 1)
    assert announced.upload.fields["policy"] not in str(told.value)


@pytest.mark.parametrize("url", ["ftp://x/", "nonsense", "http://[", ""])
def test_form_with_an_invalid_url_is_rejected(client: Safelight, url: str) -> None:
    """Even if the API returns it."""
    with pytest.raises(UnexpectedAnswer, match="invalid URL"):
        client.uploads.send(UploadForm(url=url, fields={}), b"x")


def test_confirming_missing_bytes_fails(client: Safelight) -> None:
    """With the API's error."""
    job = client.uploads.create(filename="a.png")
    with pytest.raises(ApiError) as told:
        client.uploads.confirm(job.id)
    assert told.value.code == "UPLOAD_INCOMPLETE"


def test_batch_is_created_filled_and_closed(client: Safelight, bulk: BulkApi) -> None:
    """And listed in pages."""
    first = client.batches.create([{"filename": "a.png"}], name="Two", options={"width": 5})
    more = client.batches.add(first.batch.id, [{"filename": "b.png"}], close=True)
    assert (more.batch.total, more.batch.closed, more.batch.done) == (2, True, False)
    for item in (*first.items, *more.items):
        assert item.upload is not None
        client.uploads.send(item.upload, b"raw")
    page = client.batches.page(first.batch.id, links=True, limit=1)
    assert page.next_cursor
    assert page.items[0].result
    assert page.items[0].result.outputs[0].url == f"http://store.test/{page.items[0].id}/image"
    assert [job.filename for job in client.batches.items(first.batch.id)] == ["a.png", "b.png"]
    assert client.batches.get(first.batch.id).done
    assert next(iter(bulk.batches.values()))["request"]["width"] == 5


def test_repeated_key_creates_one_batch(client: Safelight, bulk: BulkApi) -> None:
    """A lost response has no effect."""
    made = [client.batches.create([{"filename": "a.png"}], idempotency_key="k") for _ in range(2)]
    assert made[0] == made[1]
    assert (len(bulk.batches), len(bulk.jobs)) == (1, 1)
