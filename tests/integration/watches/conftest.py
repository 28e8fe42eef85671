"""Buckets that can be watched."""

import pytest
from support.moto_cloud import BUCKET, Cloud
from support.watches import OTHER, SHOP


@pytest.fixture(autouse=True)
def _open(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open two buckets for watches, and the image bucket by mistake."""
    monkeypatch.setenv("IMPORT_BUCKETS", f"{SHOP},{OTHER},gone-pictures,{BUCKET}")
    monkeypatch.setenv("WATCH_BUCKETS", f"{SHOP},{OTHER},gone-pictures,{BUCKET}")
    for bucket in (SHOP, OTHER):
        cloud.clients.s3.create_bucket(Bucket=bucket)
