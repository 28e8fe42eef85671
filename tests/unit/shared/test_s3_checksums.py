"""Requests for objects: each checksum is compared once, and small bodies are sent at once."""

import base64
import hashlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from shared.aws.clients import EXPECT_BYTES, make_s3_client
from shared.aws.s3.image_store import ImageStore
from shared.errors import RawImageMissing, ServiceError
from shared.jobs.job import RawImage

DATA = b"bytes that arrived"
DIGEST = hashlib.sha256(DATA).hexdigest()


class Stream(BytesIO):
    """The body of a response."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """Yield the body."""
        yield self.read()


class Store:
    """S3 with one object, whose checksum is that of other bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        self.requests: list[Any] = []
        client = make_s3_client(Config(retries={"total_max_attempts": 1}))
        answer: Any = self._answer
        client.meta.events.register("before-send.s3", answer)
        self.images = ImageStore(client, "images")

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        checksum = base64.b64encode(hashlib.sha256(b"bytes that were stored").digest()).decode()
        data = DATA if request.method == "GET" else b""
        headers: Any = {"Content-Length": str(len(data)), "x-amz-checksum-sha256": checksum}
        return AWSResponse(request.url, 200, headers, Stream(data))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return the store."""
    return Store(monkeypatch)


def test_bytes_without_a_digest_are_compared_with_the_checksum_of_s3(store: Store) -> None:
    """Nobody else could notice that the bytes have changed."""
    with pytest.raises(ServiceError):
        store.images.get_raw(RawImage(key="raw/x"), max_bytes=100)


def test_bytes_with_a_digest_are_compared_with_it(store: Store) -> None:
    """The digest of the job counts."""
    assert store.images.get_raw(RawImage(key="raw/x", digest=DIGEST), max_bytes=100) == DATA
    with pytest.raises(RawImageMissing):
        store.images.get_raw(RawImage(key="raw/x", digest="0" * 64), max_bytes=100)


def test_caller_can_compare_the_bytes(store: Store) -> None:
    """The worker compares them with the declared digest, after it has computed the digest for the record."""
    assert store.images.get_declared(RawImage(key="raw/x"), max_bytes=100) == DATA


def test_stored_objects_have_a_checksum_instead_of_a_signed_body(store: Store) -> None:
    """S3 compares the checksum, which the signature covers."""
    store.images.put_raw(RawImage(key="raw/x", digest=DIGEST), DATA, "image/png")
    headers = {name.lower(): value for name, value in store.requests[0].headers.items()}
    assert headers["x-amz-checksum-sha256"] == base64.b64encode(bytes.fromhex(DIGEST))
    assert headers["x-amz-content-sha256"] == b"UNSIGNED-PAYLOAD"
    assert b"x-amz-checksum-sha256" in headers["authorization"]


@pytest.mark.parametrize(("size", "waits"), [(1, False), (EXPECT_BYTES - 1, False), (EXPECT_BYTES, True)])
def test_only_large_bodies_wait_until_s3_agrees_to_read_them(store: Store, size: int, *, waits: bool) -> None:
    """Smaller ones are sent in one round trip."""
    store.images.put_raw(RawImage(key="raw/x"), bytes(size), "image/png")
    assert ("Expect" in store.requests[0].headers) == waits
