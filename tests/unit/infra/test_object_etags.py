"""ETags on the embedded engine: from the SHA-256 checksum of the request, otherwise those of MiniStack."""

import base64
import hashlib
import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from infra.engines.patches import object_etags

s3: Any = importlib.import_module("ministack.services.s3")
BUCKET = "object-etags"
BODY = b"the bytes of an image"


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the patch and create a bucket."""
    for name in ("_resolve_object_checksums", "md5_hash"):
        monkeypatch.setattr(s3, name, getattr(s3, name))
    monkeypatch.setattr(s3, "S3_PERSIST", False)
    object_etags.install(s3)
    s3._buckets[BUCKET] = {"created": "", "objects": {}, "region": None}
    yield
    s3._buckets.pop(BUCKET, None)


def put(body: bytes, checksum: str | None = None) -> tuple[int, str]:
    """Store an object, and return the status and the ETag without quotes."""
    headers = {} if checksum is None else {"x-amz-checksum-sha256": checksum}
    status, response, _ = s3._put_object(BUCKET, "key", body, headers)
    return status, response.get("ETag", "").strip('"')


def sha256_of(body: bytes) -> str:
    """Return the checksum as S3 expects it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def test_bytes_with_a_checksum_are_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ETag of an object is a part of its checksum, and no MD5 digest is computed."""
    monkeypatch.setattr(hashlib, "md5", None)
    assert put(BODY, sha256_of(BODY)) == (200, hashlib.sha256(BODY).hexdigest()[:32])


def test_object_without_a_checksum_has_the_etag_of_ministack() -> None:
    """It is the MD5 digest, also after an object with a checksum."""
    put(BODY, sha256_of(BODY))
    assert put(BODY) == (200, hashlib.md5(BODY, usedforsecurity=False).hexdigest())


def test_refused_checksum_has_no_effect_on_the_next_object() -> None:
    """MiniStack compares the checksum as before."""
    assert put(BODY, sha256_of(b"other bytes"))[0] == 400
    assert put(b"new", None)[1] == hashlib.md5(b"new", usedforsecurity=False).hexdigest()
