"""Parts of unfinished multipart uploads on the disk, so that an upload continues after a restart of the engine.

MiniStack keeps them in memory only, so a stopped or killed engine would lose them. Each part is written before it is
acknowledged, as S3 does.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_CREATED: Final = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_UPLOAD: Final = "upload.json"
_SUFFIX: Final = ".part"


def install(s3: Any, folder: Path) -> None:
    """Patch ``ministack.services.s3``: store the parts below ``folder``, and restore those that are there."""
    create, send, complete, abort = (
        s3._create_multipart_upload,
        s3._upload_part,
        s3._complete_multipart_upload,
        s3._abort_multipart_upload,
    )

    def create_upload(*request: Any, **named: Any) -> Any:
        answer = create(*request, **named)
        if answer[0] == 200 and (found := _CREATED.search(answer[2])):
            upload_id = found[1].decode()
            uploads = s3._multipart_uploads
            _write_upload(folder / upload_id, uploads._scoped(upload_id)[0], uploads[upload_id])
        return answer

    def upload_part(bucket: Any, key: Any, body: Any, query: Any, headers: Any) -> Any:
        answer = send(bucket, key, body, query, headers)
        if answer[0] == 200:
            upload_id, number = s3._qp(query, "uploadId"), int(s3._qp(query, "partNumber"))
            _write_part(folder / upload_id, number, s3._multipart_uploads[upload_id]["parts"][number])
        return answer

    def complete_upload(bucket: Any, key: Any, body: Any, query: Any, headers: Any) -> Any:
        answer = complete(bucket, key, body, query, headers)
        _forget_ended(s3, folder, s3._qp(query, "uploadId"))
        return answer

    def abort_upload(bucket: Any, key: Any, query: Any) -> Any:
        answer = abort(bucket, key, query)
        _forget_ended(s3, folder, s3._qp(query, "uploadId"))
        return answer

    for scoped_key, upload in _read_all(folder).items():
        s3._multipart_uploads._data[scoped_key] = upload
    s3._create_multipart_upload = create_upload
    s3._upload_part = upload_part
    s3._complete_multipart_upload = complete_upload
    s3._abort_multipart_upload = abort_upload


def _write_upload(folder: Path, account: str, upload: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True)
    facts = {name: value for name, value in upload.items() if name != "parts"}
    _replace(folder / _UPLOAD, json.dumps({"account": account, "upload": facts}).encode())


def _write_part(folder: Path, number: int, part: Mapping[str, Any]) -> None:
    """Write a part: one line of JSON, then its bytes."""
    facts = {name: value for name, value in part.items() if name != "body"}
    _replace(folder / f"{number}{_SUFFIX}", json.dumps(facts).encode() + b"\n" + bytes(part["body"]))


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that a killed engine leaves the whole file or none."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


def _forget_ended(s3: Any, folder: Path, upload_id: str) -> None:
    """Delete the files of an upload that has ended. Only an ID that was in use has a folder."""
    if upload_id not in s3._multipart_uploads and "/" not in upload_id and upload_id.strip("."):
        shutil.rmtree(folder / upload_id, ignore_errors=True)


def _read_all(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the stored uploads by account and ID."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in folder.glob(f"*/{_UPLOAD}"):
        stored = json.loads(path.read_bytes())
        parts = {int(each.stem): _read_part(each) for each in path.parent.glob(f"*{_SUFFIX}")}
        found[stored["account"], path.parent.name] = {**stored["upload"], "parts": parts}
    return found


def _read_part(path: Path) -> dict[str, Any]:
    facts, _, body = path.read_bytes().partition(b"\n")
    return {**json.loads(facts), "body": body}
