"""Multipart uploads of S3 in memory. The sizes of parts are not limited, so that a run needs few bytes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from faults.simulator.aws_errors import make_client_error


@dataclass
class UnfinishedUpload:
    """One upload that was neither completed nor aborted."""

    id: str
    key: str
    media_type: str
    initiated: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class MultipartDouble:
    """The unfinished uploads of a bucket."""

    def __init__(self, clock: Callable[[], datetime], store: Callable[[str, bytes, str], None]) -> None:
        """Start without uploads. ``store`` writes an object: its key, bytes and media type."""
        self.uploads: dict[str, UnfinishedUpload] = {}
        self._numbers = 0
        self._clock = clock
        self._store = store

    @property
    def calls(self) -> Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return the operations by their names."""
        return {
            "CreateMultipartUpload": self._create,
            "UploadPart": self._upload_part,
            "ListMultipartUploads": self._list,
            "ListParts": self._list_parts,
            "CompleteMultipartUpload": self._complete,
            "AbortMultipartUpload": self._abort,
        }

    def _create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._numbers += 1
        upload = UnfinishedUpload(
            f"upload-{self._numbers:06d}", request["Key"], request.get("ContentType", ""), self._clock()
        )
        self.uploads[upload.id] = upload
        return {"UploadId": upload.id}

    def _find(self, operation: str, request: Mapping[str, Any]) -> UnfinishedUpload:
        upload = self.uploads.get(request["UploadId"])
        if upload is None or upload.key != request["Key"]:
            raise make_client_error(operation, "NoSuchUpload", 404)
        return upload

    def _upload_part(self, request: Mapping[str, Any]) -> dict[str, Any]:
        body = bytes(request["Body"])
        self._find("UploadPart", request).parts[request["PartNumber"]] = body
        return {"ETag": make_etag(body)}

    def _list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found = [each for each in self.uploads.values() if each.key.startswith(request.get("Prefix", ""))]
        found.sort(key=lambda each: (each.key, each.initiated, each.id))
        last = request.get("UploadIdMarker")
        if last is not None:
            names = [each.id for each in found]
            # As S3, after the upload even if it has ended: IDs of the same key are in the order of their start.
            found = found[names.index(last) + 1 :] if last in names else [each for each in found if each.id > last]
        page = found[: request.get("MaxUploads", 1000)]
        answer: dict[str, Any] = {"IsTruncated": len(page) < len(found)}
        if page:
            answer["Uploads"] = [{"Key": each.key, "UploadId": each.id, "Initiated": each.initiated} for each in page]
        if len(page) < len(found):
            answer |= {"NextKeyMarker": page[-1].key, "NextUploadIdMarker": page[-1].id}
        return answer

    def _list_parts(self, request: Mapping[str, Any]) -> dict[str, Any]:
        parts = self._find("ListParts", request).parts
        left = [number for number in sorted(parts) if number > int(request.get("PartNumberMarker", 0))]
        page = left[: request.get("MaxParts", 1000)]
        answer: dict[str, Any] = {"IsTruncated": len(page) < len(left)}
        if page:
            answer["Parts"] = [
                {"PartNumber": number, "ETag": make_etag(parts[number]), "Size": len(parts[number])} for number in page
            ]
        if len(page) < len(left):
            answer["NextPartNumberMarker"] = page[-1]
        return answer

    def _complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        upload = self._find("CompleteMultipartUpload", request)
        wanted = request["MultipartUpload"]["Parts"]
        for each in wanted:
            body = upload.parts.get(each["PartNumber"])
            if body is None or make_etag(body) != each["ETag"]:
                raise make_client_error("CompleteMultipartUpload", "InvalidPart")
        bodies = [upload.parts[each["PartNumber"]] for each in wanted]
        digests = b"".join(hashlib.md5(body, usedforsecurity=False).digest() for body in bodies)
        etag = f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(bodies)}"'
        del self.uploads[upload.id]
        self._store(upload.key, b"".join(bodies), upload.media_type)
        return {"Key": upload.key, "ETag": etag}

    def _abort(self, request: Mapping[str, Any]) -> dict[str, Any]:
        del self.uploads[self._find("AbortMultipartUpload", request).id]
        return {}


def make_etag(body: bytes) -> str:
    """Return the ETag of a part, as S3 computes it."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
