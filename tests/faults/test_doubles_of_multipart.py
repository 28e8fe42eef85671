"""The double of S3's multipart uploads is true: the same calls on the double and on moto."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from faults.simulator.buckets import Bucket
from faults.simulator.null_observer import NullObserver
from faults.simulator.settings import BUCKET
from moto import mock_aws

from shared.aws.clients import make_clients
from shared.jobs.part_plan import MIN_PART_BYTES

KEY = "raw/direct/1"
FIRST, SECOND = bytes(MIN_PART_BYTES), b"the end"
Do = Callable[[Any, str], Any]


@pytest.fixture(scope="module")
def clients() -> tuple[Any, Any]:
    """Return two S3 clients. Creating one takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        return make_clients(5).s3, make_clients(5).s3


@pytest.fixture
def both(clients: tuple[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Return S3 clients of a new double and of a new moto."""
    doubled, real = clients
    doubled._make_api_call = Bucket(NullObserver()).call
    with mock_aws():
        real.create_bucket(Bucket=BUCKET)
        yield doubled, real


def send(s3: Any, upload: str, *bodies: bytes) -> list[dict[str, Any]]:
    """Send parts, and return what names them in a completion."""
    target = {"Bucket": BUCKET, "Key": KEY, "UploadId": upload}
    sent = [s3.upload_part(**target, PartNumber=at, Body=body) for at, body in enumerate(bodies, start=1)]
    return [{"PartNumber": at, "ETag": each["ETag"]} for at, each in enumerate(sent, start=1)]


def complete(s3: Any, upload: str, parts: list[dict[str, Any]]) -> Any:
    """Complete an upload, and return the object."""
    s3.complete_multipart_upload(Bucket=BUCKET, Key=KEY, UploadId=upload, MultipartUpload={"Parts": parts})
    found = s3.get_object(Bucket=BUCKET, Key=KEY)
    return found["Body"].read(), found["ContentType"]


def abort(s3: Any, upload: str, key: str = KEY) -> None:
    """Abort an upload."""
    s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)


def list_parts(s3: Any, upload: str, key: str = KEY, **more: Any) -> list[tuple[int, int, str]]:
    """Return the numbers, sizes and ETags of all parts."""
    pages = s3.get_paginator("list_parts").paginate(Bucket=BUCKET, Key=key, UploadId=upload, **more)
    return [(each["PartNumber"], each["Size"], each["ETag"]) for page in pages for each in page.get("Parts", ())]


def list_uploads(s3: Any, prefix: str = KEY, **more: Any) -> list[str]:
    """Return the keys of all unfinished uploads."""
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=BUCKET, Prefix=prefix, **more)
    return [each["Key"] for page in pages for each in page.get("Uploads", ())]


def after(*steps: Callable[[Any, str], Any], then: Do) -> Do:
    """Return calls that prepare an upload, and the one whose outcome counts."""

    def do(s3: Any, upload: str) -> Any:
        for step in steps:
            step(s3, upload)
        return then(s3, upload)

    return do


CALLS: dict[str, Do] = {
    "list no parts": list_parts,
    "list parts": after(lambda s3, upload: send(s3, upload, FIRST, SECOND), then=list_parts),
    "list short pages": after(
        lambda s3, upload: send(s3, upload, FIRST, SECOND),
        then=lambda s3, upload: list_parts(s3, upload, PaginationConfig={"PageSize": 1}),
    ),
    "replace a part": after(
        lambda s3, upload: send(s3, upload, FIRST), lambda s3, upload: send(s3, upload, SECOND), then=list_parts
    ),
    "complete": lambda s3, upload: complete(s3, upload, send(s3, upload, FIRST, SECOND)),
    "complete some parts": lambda s3, upload: complete(s3, upload, send(s3, upload, FIRST, SECOND)[:1]),
    "complete with another ETag": lambda s3, upload: complete(
        s3, upload, [{**each, "ETag": '"0"'} for each in send(s3, upload, SECOND)]
    ),
    "complete with a missing part": lambda s3, upload: complete(
        s3, upload, [*send(s3, upload, FIRST), {"PartNumber": 7, "ETag": '"0"'}]
    ),
    "list the parts of a completed upload": after(
        lambda s3, upload: complete(s3, upload, send(s3, upload, SECOND)), then=list_parts
    ),
    "list uploads": lambda s3, _: list_uploads(s3),
    "list uploads of another key": lambda s3, _: list_uploads(s3, "raw/direct/2"),
    "list uploads after an abortion": after(abort, then=lambda s3, _: list_uploads(s3)),
    "abort": abort,
    "abort twice": after(abort, then=abort),
}


@pytest.mark.parametrize("name", CALLS)
def test_multipart_calls_match_moto(both: tuple[Any, Any], name: str) -> None:
    """The same outcome: data, or the error code."""
    results = []
    for s3 in both:
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=KEY, ContentType="image/png")["UploadId"]
        try:
            results.append(CALLS[name](s3, upload))
        except ClientError as error:
            results.append(error.response["Error"]["Code"])
    assert results[0] == results[1]


#: What moto does otherwise than S3: it does not compare the key, and fails with an error of its own.
LATE: dict[str, Do] = {
    "a list with another key": lambda s3, upload: list_parts(s3, upload, "raw/direct/2"),
    "an abortion with another key": lambda s3, upload: abort(s3, upload, "raw/direct/2"),
    "a second completion": after(
        lambda s3, upload: complete(s3, upload, send(s3, upload, SECOND)),
        then=lambda s3, upload: complete(s3, upload, [{"PartNumber": 1, "ETag": '"0"'}]),
    ),
    "a late part": after(abort, then=lambda s3, upload: send(s3, upload, SECOND)),
    "a late completion": after(abort, then=lambda s3, upload: complete(s3, upload, [])),
}


@pytest.mark.parametrize("name", LATE)
def test_an_upload_that_is_over_is_not_found(name: str) -> None:
    """As in the reference of S3: there is no such upload."""
    doubled: Any = make_clients(5).s3
    doubled._make_api_call = Bucket(NullObserver()).call
    upload = doubled.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    with pytest.raises(ClientError, match="NoSuchUpload"):
        LATE[name](doubled, upload)
