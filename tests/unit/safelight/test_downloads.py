"""Downloads: complete or not at all, and without the API's credentials."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.client import Safelight
from safelight.errors import ApiError, ConnectionLost, DownloadFailed, LocalFileError


@pytest.fixture
def job_id(client: Safelight, image_file: Path) -> str:
    """A completed job."""
    return client.wait(client.submit(image_file).id).id


class BrokenOff(httpx.SyncByteStream):
    """A body that ends in the middle."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"half a pic"
        raise httpx.ReadError("connection reset")


def only_files(folder: Path) -> list[str]:
    """Name everything in a folder, hidden files included."""
    return sorted(path.name for path in folder.iterdir())


def test_download_writes_the_result(client: Safelight, job_id: str, tmp_path: Path) -> None:
    """It replaces an existing file."""
    target = tmp_path / "out.png"
    target.write_text("old")
    assert client.download(job_id, target) == target
    assert target.read_bytes() == f"pixels of /{job_id}/result".encode()


def test_download_writes_the_requested_output(client: Safelight, job_id: str, tmp_path: Path) -> None:
    """An output is selected by name. The API refuses an unknown one."""
    assert client.download(job_id, tmp_path / "a", "image").read_bytes().endswith(b"/image")
    with pytest.raises(ApiError, match="no output with this name"):
        client.download(job_id, tmp_path / "b", "thumb")


def test_broken_download_leaves_no_file(client: Safelight, api: Any, job_id: str, tmp_path: Path) -> None:
    """An existing file is unchanged, and no partial file remains."""
    target = tmp_path / "results" / "out.png"
    target.parent.mkdir()
    target.write_text("old")
    link = httpx.Response(200, json={"url": "http://store.test/x"})
    api.answers = [each for _ in range(5) for each in (link, httpx.Response(200, stream=BrokenOff()))]
    with pytest.raises(ConnectionLost):
        client.download(job_id, target)
    assert target.read_text() == "old"
    assert only_files(target.parent) == ["out.png"]


def test_broken_download_is_retried(client: Safelight, api: Any, job_id: str, tmp_path: Path) -> None:
    """The next attempt uses a new link and starts from the beginning."""
    link = httpx.Response(200, json={"url": "http://store.test/x"})
    api.answers = [link, httpx.Response(200, stream=BrokenOff())]
    client.download(job_id, tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == f"pixels of /{job_id}/result".encode()


def test_expired_link_is_renewed(client: Safelight, api: Any, job_id: str, tmp_path: Path) -> None:
    """After status 403 from S3, the client requests a new link."""
    link = httpx.Response(200, json={"url": "http://store.test/x"})
    api.answers = [link, httpx.Response(403, content=b"<Error/>")]
    assert client.download(job_id, tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "link",
    [{"url": "http://store.test/x", "size": 7}, {"url": "http://[broken"}, {"url": "ftp://store.test/x"}],
)
def test_failing_link_raises_download_failed(
    client: Safelight, api: Any, job_id: str, tmp_path: Path, link: dict[str, Any]
) -> None:
    """Too few bytes or an invalid URL leave no file."""
    api.answers = [httpx.Response(200, json=link), httpx.Response(200, content=b"short")] * 5
    with pytest.raises(DownloadFailed):
        client.download(job_id, tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_store_requests_have_no_api_credentials(api: Any, image_file: Path, tmp_path: Path) -> None:
    """Requests to the API are signed, those to a link are not."""
    auth = httpx.BasicAuth("user", "secret")
    with Safelight("http://api.test/v1", transport=httpx.MockTransport(api), auth=auth) as client:
        job = client.submit(image_file)
        api._advance(job.id)
        client.download(job.id, tmp_path / "out.png")
    signed = {request.url.host: "Authorization" in request.headers for request in api.requests}
    assert signed == {"api.test": True, "store.test": False}


@pytest.mark.parametrize("target", ["missing/out.png", "holiday.png/out.png", "folder"])
def test_unwritable_path_is_named(client: Safelight, job_id: str, tmp_path: Path, target: str) -> None:
    """A missing folder, a file in its place, a folder in the file's place: each is a LocalFileError."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(LocalFileError, match="can't be written"):
        client.download(job_id, tmp_path / target)
    assert only_files(tmp_path) == ["folder", "holiday.png"]


def test_failed_job_has_no_download(client: Safelight, tmp_path: Path) -> None:
    """The error has the API's code."""
    path = tmp_path / "not-an-image.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\ntext")
    job = client.submit(path)
    with pytest.raises(ApiError) as caught:
        client.download(job.id, tmp_path / "out.png")
    assert caught.value.code == "JOB_FAILED"
