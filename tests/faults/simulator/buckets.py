"""S3 in memory: the object calls that ``shared.aws`` makes."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Protocol

from botocore.response import StreamingBody
from faults.simulator.aws_errors import make_client_error
from faults.simulator.multipart import MultipartDouble

#: The time of every object: nothing depends on it.
LAST_MODIFIED = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stored:
    """One object."""

    body: bytes
    media_type: str
    modified_at: datetime = LAST_MODIFIED

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the body in hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def etag(self) -> str:
        """Return the ETag, as S3 computes it."""
        return f'"{self.digest[:32]}"'


class Observer(Protocol):
    """Receives every change."""

    def put(self, key: str, old: Stored | None, new: Stored | None) -> None:
        """Handle one change; ``new`` is None for a deletion."""


class Bucket:
    """The image bucket, and others that are only read."""

    def __init__(self, observer: Observer, clock: Callable[[], datetime] = lambda: LAST_MODIFIED) -> None:
        """Start empty; report every change to ``observer``."""
        self.objects: dict[str, Stored] = {}
        #: Objects of other buckets, which nobody watches.
        self.others: dict[str, dict[str, Stored]] = {}
        self._observer = observer
        self.multipart = MultipartDouble(clock, self._join)
        #: Called with the key and the size of each object that was joined from parts.
        self.when_joined: Callable[[str, int], object] = lambda *_: None
        self._calls: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "PutObject": self._put,
            "GetObject": self._get,
            "HeadObject": self._head,
            "CopyObject": self._copy,
            "DeleteObject": self._delete,
            "DeleteObjects": self._delete_many,
            "ListObjectsV2": self._list,
            **self.multipart.calls,
            "ListObjectVersions": self._list_versions,
        }

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run one operation. Raises botocore's ClientError as AWS would."""
        return self._calls[operation](request)

    def _put(self, request: Mapping[str, Any]) -> dict[str, Any]:
        body, key = bytes(request["Body"]), request["Key"]
        told = request.get("ChecksumSHA256")
        if told is not None and base64.b64decode(told) != hashlib.sha256(body).digest():
            raise make_client_error("PutObject", "BadDigest")
        old = self.objects.get(key)
        if request.get("IfNoneMatch") == "*" and old is not None:
            raise make_client_error("PutObject", "PreconditionFailed", 412)
        new = Stored(body, request.get("ContentType", "binary/octet-stream"))
        self.objects[key] = new
        self._observer.put(key, old, new)
        return {"ETag": new.etag}

    def _join(self, key: str, body: bytes, media_type: str) -> None:
        old, self.objects[key] = self.objects.get(key), Stored(body, media_type)
        self._observer.put(key, old, self.objects[key])
        self.when_joined(key, len(body))

    def _found(self, operation: str, request: Mapping[str, Any]) -> Stored:
        found = self.others.get(request["Bucket"], self.objects).get(request["Key"])
        if found is None:
            raise make_client_error(operation, "404" if operation == "HeadObject" else "NoSuchKey", 404)
        return found

    def _get(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found = self._found("GetObject", request)
        body = StreamingBody(BytesIO(found.body), len(found.body))
        return self._facts(found) | {"Body": body}

    def _head(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._facts(self._found("HeadObject", request))

    def _copy(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found = self._found("CopyObject", request["CopySource"])
        if request.get("CopySourceIfMatch", found.etag) != found.etag:
            raise make_client_error("CopyObject", "PreconditionFailed", 412)
        key, old = request["Key"], self.objects.get(request["Key"])
        self.objects[key] = Stored(found.body, request["ContentType"])
        self._observer.put(key, old, self.objects[key])
        return {"CopyObjectResult": {"ETag": found.etag}}

    def _facts(self, found: Stored) -> dict[str, Any]:
        return {"ContentLength": len(found.body), "ContentType": found.media_type, "ETag": found.etag}

    def _delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        old = self.objects.pop(request["Key"], None)
        if old is not None:
            self._observer.put(request["Key"], old, None)
        return {}

    def _delete_many(self, request: Mapping[str, Any]) -> dict[str, Any]:
        for each in request["Delete"]["Objects"]:
            self._delete(each)
        return {"Deleted": [{"Key": each["Key"]} for each in request["Delete"]["Objects"]]}

    def _list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        objects = self.others.get(request["Bucket"], self.objects)
        keys = sorted(key for key in objects if key.startswith(request.get("Prefix", "")))
        after = request.get("ContinuationToken") or request.get("StartAfter")
        if after is not None:
            keys = [key for key in keys if key > after]
        limit = request.get("MaxKeys", 1000)
        page = keys[:limit]
        answer: dict[str, Any] = {"KeyCount": len(page), "IsTruncated": len(page) < len(keys)}
        if len(page) < len(keys):
            answer["NextContinuationToken"] = page[-1]
        if page:
            answer["Contents"] = [
                {
                    "Key": key,
                    "Size": len(objects[key].body),
                    "LastModified": LAST_MODIFIED,
                    "ETag": objects[key].etag,
                    "StorageClass": "STANDARD",
                }
                for key in page
            ]
        return answer

    def _list_versions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the objects of a bucket without versioning."""
        objects = self.others.get(request["Bucket"], self.objects)
        after = request.get("KeyMarker", "")
        keys = sorted(key for key in objects if key.startswith(request.get("Prefix", "")) and key > after)
        page = keys[: request.get("MaxKeys", 1000)]
        answer: dict[str, Any] = {"IsTruncated": len(page) < len(keys)}
        if len(page) < len(keys):
            answer |= {"NextKeyMarker": page[-1], "NextVersionIdMarker": "null"}
        if page:
            answer["Versions"] = [
                {
                    "Key": key,
                    "VersionId": "null",
                    "IsLatest": True,
                    "Size": len(objects[key].body),
                    "LastModified": objects[key].modified_at,
                    "ETag": objects[key].etag,
                    "StorageClass": "STANDARD",
                }
                for key in page
            ]
        return answer
