"""Parts of unfinished uploads in the embedded engine, which survive it."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.engines.patches import unfinished_uploads

ACCOUNT = "000000000000"


class Scoped(dict[Any, Any]):
    """A double of MiniStack's dictionary, whose keys belong to the account of the request."""

    @property
    def _data(self) -> "Scoped":
        return self

    def _scoped(self, key: str) -> tuple[str, str]:
        return ACCOUNT, key

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key if isinstance(key, tuple) else self._scoped(key))

    def __contains__(self, key: Any) -> bool:
        return super().__contains__(key if isinstance(key, tuple) else self._scoped(key))

    def pop(self, key: Any, *_: Any) -> Any:
        """Remove an upload of the account."""
        return super().pop(self._scoped(key), None)


def start_engine(folder: Path, numbers: Iterator[int]) -> Any:
    """Return a double of MiniStack's module with the patch, as at the start of the engine."""
    s3: Any = SimpleNamespace(_multipart_uploads=Scoped(), _qp=lambda query, name: query.get(name, ""))

    def create(bucket: str, key: str, _headers: Any) -> Any:
        upload_id = f"upload-{next(numbers)}"
        s3._multipart_uploads[ACCOUNT, upload_id] = {"bucket": bucket, "key": key, "parts": {}}
        return 200, {}, f"<UploadId>{upload_id}</UploadId>".encode()

    def send(_bucket: str, _key: str, body: bytes, query: Any, _headers: Any) -> Any:
        if query["uploadId"] not in s3._multipart_uploads:
            return 404, {}, b""
        part = {"body": body, "etag": '"1"', "size": len(body)}
        s3._multipart_uploads[query["uploadId"]]["parts"][int(query["partNumber"])] = part
        return 200, {}, b""

    def end(*request: Any) -> Any:
        query = next(each for each in request if isinstance(each, dict) and "uploadId" in each)
        if "wrong" not in request[1]:
            s3._multipart_uploads.pop(query["uploadId"])
        return 200, {}, b""

    s3._create_multipart_upload, s3._upload_part = create, send
    s3._complete_multipart_upload = s3._abort_multipart_upload = end
    unfinished_uploads.install(s3, folder)
    return s3


def test_parts_survive_the_engine(tmp_path: Path) -> None:
    """Bytes, facts and account; a part that was sent twice counts once."""
    numbers = iter(range(9))
    first = start_engine(tmp_path, numbers)
    first._create_multipart_upload("b", "k", {})
    for number, body in ((1, b"old"), (1, b"one\nline"), (10, b"")):
        query = {"uploadId": "upload-0", "partNumber": str(number)}
        assert first._upload_part("b", "k", body, query, {})[0] == 200
    assert first._upload_part("b", "k", b"", {"uploadId": "none", "partNumber": "1"}, {})[0] == 404
    second = start_engine(tmp_path, numbers)
    assert second._multipart_uploads == first._multipart_uploads
    assert second._multipart_uploads["upload-0"]["parts"][1]["body"] == b"one\nline"
    assert second._upload_part("b", "k", b"two", {"uploadId": "upload-0", "partNumber": "2"}, {})[0] == 200
    assert sorted(start_engine(tmp_path, numbers)._multipart_uploads["upload-0"]["parts"]) == [1, 2, 10]


@pytest.mark.parametrize("request_of", ["_complete_multipart_upload", "_abort_multipart_upload"])
def test_an_upload_that_has_ended_leaves_no_files(tmp_path: Path, request_of: str) -> None:
    """A refused request deletes nothing, and no ID reaches other folders."""
    folder, other = tmp_path / "parts", tmp_path / "other"
    other.mkdir()
    s3 = start_engine(folder, iter(range(9)))
    for _ in range(2):
        s3._create_multipart_upload("b", "k", {})
    more = (b"", {"uploadId": "upload-0"}, {}) if "complete" in request_of else ({"uploadId": "upload-0"},)
    getattr(s3, request_of)("b", "wrong", *more)
    assert {each.name for each in folder.iterdir()} == {"upload-0", "upload-1"}
    getattr(s3, request_of)("b", "k", *more)
    assert {each.name for each in folder.iterdir()} == {"upload-1"}
    for hostile in ("", ".", "..", "../other", "/"):
        query = {"uploadId": hostile}
        getattr(s3, request_of)("b", "k", *((b"", query, {}) if "complete" in request_of else (query,)))
    assert other.exists()
    assert {each.name for each in folder.iterdir()} == {"upload-1"}
