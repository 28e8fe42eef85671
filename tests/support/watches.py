"""Watches in tests on moto: buckets, events, requests, time."""

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from support import events, sample_images
from support.moto_cloud import Answer, Cloud

import api.dependencies
import api.walker
from shared.clock import utc_now
from shared.jobs.source import ImportSource

SHOP = "shop-pictures"
OTHER = "other-pictures"
JPEG = sample_images.make_jpeg(8, 8)


def put(cloud: Cloud, key: str, data: bytes = JPEG, *, bucket: str = SHOP, **more: Any) -> Any:
    """Store an object. Return the record of S3's event about it."""
    stored = cloud.clients.s3.put_object(Bucket=bucket, Key=key, Body=data, **more)
    return make_record(key, bucket=bucket, version=stored.get("VersionId"), etag=stored["ETag"].strip('"'))


def make_record(key: str, *, bucket: str = SHOP, version: str | None = None, **more: Any) -> Any:
    """Return the record of an event, as S3 encodes it."""
    stored = {"key": quote_plus(key, safe="/"), "size": len(JPEG), "eTag": more.get("etag", "0" * 32)}
    return {
        "eventSource": "aws:s3",
        "eventName": more.get("name", "ObjectCreated:Put"),
        "s3": {"bucket": {"name": bucket}, "object": stored | ({"versionId": version} if version else {})},
    }


def send(cloud: Cloud, *records: Any) -> list[str]:
    """Deliver events, each in a message of its own. Return the bodies of failed messages."""
    return cloud.watch(*(events.make_message(json.dumps({"Records": [each]})) for each in records))


def request_watch(cloud: Cloud, source: str = f"s3://{SHOP}/in/", **more: Any) -> Answer:
    """Send a request for a watch."""
    include, sender = more.pop("include", []), more.pop("sender", {})
    return cloud.post("/v1/watches", {"prefix": {"source": source, "include": include}, **more}, **sender)


def create(cloud: Cloud, source: str = f"s3://{SHOP}/in/", **more: Any) -> str:
    """Create a watch and return its ID."""
    answer = request_watch(cloud, source, **more)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def read(cloud: Cloud, watch_id: str) -> dict[str, Any]:
    """Return a watch."""
    answer = cloud.call("GET", f"/v1/watches/{watch_id}")
    assert answer.status == 200, answer.text
    return dict(answer.json)


def act(cloud: Cloud, watch_id: str, action: str) -> dict[str, Any]:
    """Pause or resume a watch, and return it."""
    answer = cloud.call("POST", f"/v1/watches/{watch_id}/{action}")
    assert answer.status == 200, answer.text
    return dict(answer.json)


def pass_time(monkeypatch: pytest.MonkeyPatch, time: timedelta) -> None:
    """Move the clock of the API and of the walker."""
    set_time(monkeypatch, utc_now() + time)


def set_time(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Set the clock of the API and of the walker."""
    for module in (api.walker, api.dependencies):
        monkeypatch.setattr(module, "utc_now", lambda: moment)
    forget_time()


def forget_time() -> None:
    """Let the functions read the clock again."""
    api.walker.get_walker.cache_clear()
    api.dependencies.get_dependencies.cache_clear()


def count_keys(cloud: Cloud) -> Counter[str]:
    """Count the jobs by the key of their object."""
    items = cloud.clients.dynamodb.scan(TableName="Images")["Items"]
    jobs = [cloud.job(item["ID"]["S"]) for item in items]
    return Counter(job.source.location.key for job in jobs if isinstance(job.source, ImportSource))


def list_batches(cloud: Cloud) -> list[dict[str, Any]]:
    """Return all batches, newest first."""
    return list(cloud.call("GET", "/v1/batches").json["batches"])
