"""Tests of publishing the web page to its bucket."""

import gzip
from typing import Any, cast

import boto3
import pytest
from support.moto_cloud import Cloud

from infra.deployment.page import REVALIDATE, START_PAGE, File, publish
from infra.sessions import Clients

BUCKET = "ui-for-tests"


@pytest.fixture
def clients(cloud: Cloud) -> Clients:
    """Return clients of which only S3 is usable, and create an empty bucket."""
    del cloud  # provides moto
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    absent = cast("Any", None)
    return Clients(cloudformation=absent, s3=s3, sts=absent, region="us-east-1")


def _files(**texts: str) -> dict[str, File]:
    return {name: File(text.encode(), "text/html; charset=utf-8", REVALIDATE) for name, text in texts.items()}


def test_publishing_synchronizes_the_bucket(clients: Clients) -> None:
    """New and changed files are written with their type, removed files are deleted, others are unchanged."""
    assert publish(clients, BUCKET, _files(one="1", two="2", three="3")) == 3
    assert publish(clients, BUCKET, _files(one="1", two="2", three="3")) == 0
    assert publish(clients, BUCKET, _files(one="1", two="new")) == 1
    found = clients.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert sorted(entry["Key"] for entry in found) == ["one", "two"]
    answer = clients.s3.get_object(Bucket=BUCKET, Key="two")
    assert gzip.decompress(answer["Body"].read()) == b"new"
    assert (answer["ContentType"], answer["CacheControl"]) == ("text/html; charset=utf-8", REVALIDATE)
    assert answer["ContentEncoding"] == "gzip"


def test_start_page_is_written_last(clients: Clients) -> None:
    """All other files of a new page exist before its start page does."""
    order: list[str] = []
    clients.s3.meta.events.register(
        "before-parameter-build.s3.PutObject", lambda params, **_: order.append(params["Key"])
    )
    publish(clients, BUCKET, {START_PAGE: _files(x="x")["x"], **_files(b="b", a="a")})
    assert order[-1] == START_PAGE
