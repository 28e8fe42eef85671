"""List the objects of a bucket for ``safelight ingest``. This is not part of the client, which does not use boto3."""

from collections.abc import Iterator
from pathlib import Path

from infra.sessions import aws_s3, local_s3, translate_aws_errors
from infra.stack import Stack

_SCHEME = "s3://"


def list_objects(name: str, api_url: str, state_dir: Path) -> Iterator[str]:
    """Yield the URIs of all objects below ``s3://bucket/prefix`` that are not empty.

    Lists a bucket of the local engine if ``api_url`` is the URL of the local stack, and otherwise a bucket on AWS, with
    the credentials that boto3 finds. Raises SetupError if the bucket cannot be listed.
    """
    endpoint = _local_endpoint(api_url, state_dir)
    with translate_aws_errors():
        # The user names the bucket, which can belong to another account.
        s3 = local_s3(endpoint) if endpoint else aws_s3()
        bucket, _, prefix = name.removeprefix(_SCHEME).partition("/")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                if entry["Size"]:
                    yield f"{_SCHEME}{bucket}/{entry['Key']}"


def _local_endpoint(api_url: str, state_dir: Path) -> str | None:
    try:
        stack = Stack.from_json((state_dir / "stack.json").read_text("utf-8"))
    except (OSError, ValueError, TypeError):
        return None
    return stack.endpoint_url if stack.api_url == api_url else None
