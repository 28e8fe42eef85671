"""Multipart uploads of tests: what a client sends to S3 with the signed requests."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.moto_cloud import BUCKET, Cloud

from shared.jobs.part_plan import MIN_PART_BYTES

#: Bytes of a part. S3 allows no smaller one, except the last.
PART = MIN_PART_BYTES


def read_signed(url: str) -> dict[str, Any]:
    """Return the query of a presigned URL, one value for each name."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def get_key(url: str) -> str:
    """Return the key of a presigned URL."""
    return re.sub(rf"^/?(?:{BUCKET}/)?", "", urlsplit(url).path)


def send_part(cloud: Cloud, signed: dict[str, Any], data: bytes) -> str:
    """Send a part as its signed request says. Return the ETag."""
    query = read_signed(signed["url"])
    answer = cloud.clients.s3.upload_part(
        Bucket=BUCKET,
        Key=get_key(signed["url"]),
        UploadId=query["uploadId"],
        PartNumber=int(query["partNumber"]),
        Body=data,
    )
    etag: str = answer["ETag"]
    return etag


def list_uploads(cloud: Cloud) -> list[str]:
    """Return the IDs of the unfinished uploads in the bucket."""
    return [each["UploadId"] for each in cloud.clients.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())]


def split(data: bytes, part_size: int = PART) -> list[bytes]:
    """Return the parts of a file."""
    return [data[start : start + part_size] for start in range(0, len(data), part_size)]
