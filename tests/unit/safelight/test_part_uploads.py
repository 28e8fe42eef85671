"""Uploads in parts through the client: interrupted at any request, continued by another process, one job."""

from pathlib import Path

import httpx
import pytest
from support.fake_bulk_api import API_URL, PART_BYTES, BulkApi

from safelight.client import Safelight
from safelight.errors import ClientError
from safelight.part_uploads import MULTIPART_BYTES
from safelight.transport.timing import Timing

NO_WAITING = Timing(sleep=lambda _seconds: None, jitter=lambda: 0.0)
#: Four parts.
DATA = bytes(range(256)) * (MULTIPART_BYTES // 256) + b"end"


@pytest.fixture
def bulk() -> BulkApi:
    """An API."""
    return BulkApi()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file of four parts."""
    path = tmp_path / "scan.tif"
    path.write_bytes(DATA)
    return path


def connect(bulk: BulkApi, tmp_path: Path) -> Safelight:
    """Start a process: a client that remembers interrupted uploads, without retries."""
    transport = httpx.MockTransport(bulk)
    return Safelight(API_URL, transport=transport, timing=NO_WAITING, retries=0, state_dir=tmp_path / "state")


def break_at(bulk: BulkApi, number: int) -> None:
    """Break the connection at the n-th request from now on."""
    left = iter(range(number))

    def fail(_request: httpx.Request) -> Exception | None:
        return None if next(left, None) is not None else httpx.ReadError("killed")

    bulk.fault = fail


@pytest.mark.parametrize("requests", range(9))
def test_killed_upload_is_continued_by_the_next_process(
    bulk: BulkApi, tmp_path: Path, image: Path, requests: int
) -> None:
    """At most one part is sent again, and there is one job, unless it was killed before it knew its job."""
    break_at(bulk, requests)
    with pytest.raises(ClientError):
        connect(bulk, tmp_path).submit(image, preset="web")
    bulk.fault = lambda _request: None
    job = connect(bulk, tmp_path).submit(image, preset="web")
    assert bulk.jobs[job.id]["content"] == DATA
    assert len(bulk.sent_parts) == 4
    assert len(bulk.jobs) == 1
    assert not list((tmp_path / "state").iterdir())


def test_lost_response_of_a_part_sends_one_part_again(bulk: BulkApi, tmp_path: Path, image: Path) -> None:
    """A retry within one process sends the same part."""
    lost = [True]
    bulk.lost = lambda request: (
        request.method == "PUT" and request.url.path.endswith("/2") and bool(lost and lost.pop())
    )
    client = Safelight(API_URL, transport=httpx.MockTransport(bulk), timing=NO_WAITING, state_dir=tmp_path / "state")
    client.submit(image)
    assert bulk.sent_parts == [1, 2, 2, 3, 4]


def test_expired_signature_is_renewed(bulk: BulkApi, tmp_path: Path, image: Path) -> None:
    """S3 refuses a part whose signature has expired."""
    answers = [httpx.Response(403)]
    bulk.fault = lambda request: answers.pop(0) if request.method == "PUT" and answers else None
    client = Safelight(API_URL, transport=httpx.MockTransport(bulk), timing=NO_WAITING, state_dir=tmp_path / "state")
    job = client.submit(image)
    assert bulk.jobs[job.id]["content"] == DATA
    assert bulk.calls["POST uploads/…/parts"] == 2


@pytest.mark.parametrize("change", ["content", "options", "expired"])
def test_another_upload_is_not_continued(bulk: BulkApi, tmp_path: Path, image: Path, change: str) -> None:
    """Other bytes or options make another job, and so does a job that has expired."""
    break_at(bulk, 5)
    with pytest.raises(ClientError):
        connect(bulk, tmp_path).submit(image, preset="web")
    bulk.fault = lambda _request: None
    if change == "content":
        image.write_bytes(DATA[::-1])
    if change == "expired":
        next(iter(bulk.jobs.values()))["status"] = "EXPIRED"
    job = connect(bulk, tmp_path).submit(image, preset="other" if change == "options" else "web")
    assert len(bulk.jobs) == 2
    assert bulk.jobs[job.id]["content"] == image.read_bytes()
    assert bulk.jobs[job.id]["request"]["method"] == "multipart"


def test_bytes_are_sent_in_parts(bulk: BulkApi, tmp_path: Path) -> None:
    """Without a file, in the same way."""
    job = connect(bulk, tmp_path).submit(DATA, filename="a.tif")
    assert bulk.jobs[job.id]["content"] == DATA
    assert bulk.sent_parts == [1, 2, 3, 4]
    assert max(map(len, bulk.jobs[job.id]["parts"].values())) == PART_BYTES
