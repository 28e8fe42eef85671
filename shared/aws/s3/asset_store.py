"""The content of assets in the image bucket. Each version of an asset's content is one object."""

import base64
import hashlib
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared.aws.errors import error_code, translate_aws_errors
from shared.errors import ServiceError, TooManyBytes, WatermarkNotFound
from shared.jobs import object_keys
from shared.pipeline.asset import AssetPin

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class AssetStore:
    """Objects under ``assets/``. Every method raises ServiceError if S3 does not respond."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Use ``bucket``."""
        self._client = client
        self._bucket = bucket

    def put(self, owner: str, pin: AssetPin, data: bytes, media_type: str) -> None:
        """Store the content of an asset. S3 verifies its digest."""
        with translate_aws_errors():
            self._client.put_object(
                Bucket=self._bucket,
                Key=object_keys.asset_key(owner, pin.name, pin.digest),
                Body=data,
                ContentType=media_type,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(pin.digest)).decode(),
            )

    def get(self, owner: str, pin: AssetPin, *, max_bytes: int) -> bytes:
        """Return the content that a job has pinned.

        Raises WatermarkNotFound if the content was deleted or its bytes have changed. Raises TooManyBytes, without
        reading the content, if it exceeds ``max_bytes``.
        """
        try:
            with translate_aws_errors():
                response = self._client.get_object(
                    Bucket=self._bucket, Key=object_keys.asset_key(owner, pin.name, pin.digest)
                )
                if response["ContentLength"] > max_bytes:
                    raise TooManyBytes(f"The asset {pin.name} has {response['ContentLength']:,} bytes.")
                data = response["Body"].read()
        except ServiceError as error:
            if isinstance(error.__cause__, ClientError) and error_code(error.__cause__) == "NoSuchKey":
                raise WatermarkNotFound(f"The asset {pin.name} was deleted after the job was created.") from error
            raise
        if hashlib.sha256(data).hexdigest() != pin.digest:
            raise WatermarkNotFound(f"The stored bytes of the asset {pin.name} differ from the uploaded ones.")
        return data

    def list_contents(self, owner: str, name: str) -> list[str]:
        """Return the keys of all versions of an asset's content."""
        with translate_aws_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=object_keys.asset_folder(owner, name)
            )
            return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def delete(self, contents: list[str]) -> None:
        """Delete objects by key. Idempotent."""
        for key in contents:
            with translate_aws_errors():
                self._client.delete_object(Bucket=self._bucket, Key=key)
