"""The bytes of assets in the image bucket, one object for each content that an asset has had."""

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
    """Objects under ``assets/``. Every method raises ServiceError where S3 does not answer."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        """Work on ``bucket``."""
        self._client = client
        self._bucket = bucket

    def put(self, owner: str, pin: AssetPin, data: bytes, media_type: str) -> None:
        """Store one content. S3 checks it against the digest and refuses what was cut on the way."""
        with translate_aws_errors():
            self._client.put_object(
                Bucket=self._bucket,
                Key=object_keys.asset_key(owner, pin.name, pin.digest),
                Body=data,
                ContentType=media_type,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(pin.digest)).decode(),
            )

    def get(self, owner: str, pin: AssetPin, *, max_bytes: int) -> bytes:
        """Fetch the content that a job has pinned.

        Raises WatermarkNotFound when it is gone or is not what was uploaded, TooManyBytes when it is over
        ``max_bytes`` (before a byte is read).
        """
        try:
            with translate_aws_errors():
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=object_keys.asset_key(owner, pin.name, pin.digest)
                )
                if answer["ContentLength"] > max_bytes:
                    raise TooManyBytes(f"The asset {pin.name} has {answer['ContentLength']:,} bytes.")
                data = answer["Body"].read()
        except ServiceError as error:
            if isinstance(error.__cause__, ClientError) and error_code(error.__cause__) == "NoSuchKey":
                raise WatermarkNotFound(f"The asset {pin.name} was deleted after the job was made.") from error
            raise
        if hashlib.sha256(data).hexdigest() != pin.digest:
            raise WatermarkNotFound(f"The stored bytes of {pin.name} are not those that were uploaded.")
        return data

    def list_contents(self, owner: str, name: str) -> list[str]:
        """List the keys of all contents that an asset has had."""
        with translate_aws_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=object_keys.asset_folder(owner, name)
            )
            return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def delete(self, contents: list[str]) -> None:
        """Delete objects by key; one that is gone already is no fault."""
        for key in contents:
            with translate_aws_errors():
                self._client.delete_object(Bucket=self._bucket, Key=key)
