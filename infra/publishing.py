"""Brings the bucket of the web page to what the page is now."""

import hashlib
from collections.abc import Mapping

from infra.page import START, File
from infra.sessions import Clients


def publish(clients: Clients, bucket: str, files: Mapping[str, File]) -> int:
    """Write what differs, then remove what is no longer part of the page; return how many were written.

    The start page comes last: until then the bucket shows the page as it was, with all of its parts.
    """
    there = {
        entry["Key"]: entry["ETag"].strip('"')
        for page in clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", [])
    }
    changed = [key for key, file in files.items() if there.get(key) != _etag(file)]
    for key in sorted(changed, key=lambda each: each == START):
        file = files[key]
        clients.s3.put_object(
            Bucket=bucket, Key=key, Body=file.data, ContentType=file.media_type, CacheControl=file.cache
        )
    for key in there.keys() - files.keys():
        clients.s3.delete_object(Bucket=bucket, Key=key)
    return len(changed)


def _etag(file: File) -> str:
    """Return the ETag that S3 gives to an object that was put in one piece and is encrypted by S3's own keys."""
    return hashlib.md5(file.data, usedforsecurity=False).hexdigest()
