"""Signed URLs of S3 objects: the same as those of botocore."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from shared.aws.s3.url_signer import get_url_signer

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
#: Amazon S3 with names of buckets in the host, and other endpoints with them in the path.
ENDPOINTS = (None, "http://127.0.0.1:4566", "https://store.test", "http://store.test:80", "https://[::1]:9000")


def make_client(endpoint: str | None, token: str | None = None, region: str = "eu-central-1") -> Any:
    """Return a client with known credentials."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "path" if endpoint else "virtual"})
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        config=config,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret/+=",  # noqa: S106 - not a secret
        aws_session_token=token,
    )


CLIENTS = {(endpoint, token): make_client(endpoint, token) for endpoint in ENDPOINTS for token in (None, "tok/en+=")}


def read_time(url: str) -> datetime:
    """Return the time at which a URL was signed."""
    return datetime.strptime(parse_qs(urlsplit(url).query)["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@given(
    client=st.sampled_from(sorted(CLIENTS, key=str)),
    key=TEXTS,
    disposition=TEXTS,
    seconds=st.integers(1, 604_800),
)
def test_links_are_those_of_botocore(
    client: tuple[str | None, str | None], key: str, disposition: str, seconds: int
) -> None:
    """Keys and queries with any characters, for every kind of endpoint, with and without a session token."""
    s3 = CLIENTS[client]
    params = {"ResponseContentType": "image/png", "ResponseContentDisposition": disposition}
    expected = s3.generate_presigned_url(
        "get_object", Params={"Bucket": "images", "Key": f"processed/{key}", **params}, ExpiresIn=seconds
    )
    query = [("response-content-type", "image/png"), ("response-content-disposition", disposition)]
    url = get_url_signer(s3, "images").sign(
        "GET", f"processed/{key}", query=query, seconds=seconds, now=read_time(expected)
    )
    assert url == expected


@pytest.mark.parametrize("client", sorted(CLIENTS, key=str))
def test_uploads_are_those_of_botocore(client: tuple[str | None, str | None]) -> None:
    """The signature covers the headers of an upload."""
    s3 = CLIENTS[client]
    headers = {
        "content-length": "5",
        "content-type": "image/jpeg",
        "if-none-match": "*",
        "x-amz-checksum-sha256": "a+b=",
    }
    expected = s3.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": "images",
            "Key": "raw/x",
            "ContentLength": 5,
            "ContentType": "image/jpeg",
            "IfNoneMatch": "*",
            "ChecksumSHA256": "a+b=",
        },
        ExpiresIn=60,
    )
    url = get_url_signer(s3, "images").sign("PUT", "raw/x", headers=headers, seconds=60, now=read_time(expected))
    assert url == expected


def test_new_credentials_are_used() -> None:
    """A signer asks for the credentials each time, because those of a role change while a process runs."""
    session = get_session()
    session.set_credentials("FIRST", "one")
    signer = get_url_signer(session.create_client("s3", "eu-central-1"), "images")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert "FIRST%2F" in signer.sign("GET", "x", seconds=60, now=now)
    credentials: Any = session.get_credentials()
    credentials.access_key = "SECOND"
    assert "SECOND%2F" in signer.sign("GET", "x", seconds=60, now=now)
