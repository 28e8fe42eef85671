"""Multipart uploads to the image bucket. S3 itself is the record of which exist and which parts they have.

A job record does not name its multipart upload, so no crash can separate the two. If two concurrent requests each start
one for the same key, both can receive parts, and the first that is completed is the upload.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from botocore.exceptions import ClientError

from shared.aws.errors import error_code, translate_aws_errors
from shared.errors import MultipartNotFound, PartETagMismatch, SafelightError, ServiceError
from shared.jobs.part_plan import StoredPart

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Error code of S3 for an upload ID that does not exist, or no longer.
_GONE: Final = "NoSuchUpload"
#: Error code of S3 for a part that has another ETag.
_REPLACED: Final = "InvalidPart"
_Operation = Literal["create_multipart_upload", "list_parts", "complete_multipart_upload", "abort_multipart_upload"]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A presigned request to S3. Send exactly these headers."""

    url: str
    headers: dict[str, str]


class MultipartUploads:
    """Multipart uploads of one bucket. Every method that calls S3 raises ServiceError if S3 does not respond."""

    def __init__(self, client: "S3Client", presigner: "S3Client", bucket: str) -> None:
        """Use ``bucket``; ``presigner`` is a client for the endpoint that callers can reach."""
        self._client = client
        self._presigner = presigner
        self._bucket = bucket

    def start(self, key: str, media_type: str) -> str:
        """Return the ID of the upload of a key. Start one if there is none."""
        found = self.find(key)
        if found:
            return found[0]
        with translate_aws_errors():
            return self._client.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=media_type)[
                "UploadId"
            ]

    def find(self, key: str) -> list[str]:
        """Return the IDs of the unfinished uploads of a key, the oldest first."""
        with translate_aws_errors():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=key)
            uploads = [each for page in pages for each in page.get("Uploads", ()) if each["Key"] == key]
        return [each["UploadId"] for each in sorted(uploads, key=lambda each: (each["Initiated"], each["UploadId"]))]

    def list_parts(self, key: str, upload_id: str) -> list[StoredPart]:
        """Return the parts that S3 has, by number. Raises MultipartNotFound if there is no such upload."""
        try:
            with translate_aws_errors():
                pages = self._client.get_paginator("list_parts").paginate(
                    Bucket=self._bucket, Key=key, UploadId=upload_id
                )
                return [
                    StoredPart(each["PartNumber"], each["ETag"], each["Size"])
                    for page in pages
                    for each in page.get("Parts", ())
                ]
        except ServiceError as error:
            raise _translate(error) from error

    def complete(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> None:
        """Turn the parts into the object.

        Raises MultipartNotFound if there is no such upload (any more), or PartETagMismatch if a part was sent again
        after the parts were listed.
        """
        try:
            with translate_aws_errors():
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]},
                )
        except ServiceError as error:
            raise _translate(error) from error

    def abort(self, key: str, upload_id: str) -> None:
        """Delete an upload and its parts. Idempotent."""
        try:
            with translate_aws_errors():
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except ServiceError as error:
            if not isinstance(_translate(error), MultipartNotFound):
                raise

    def abort_all(self, key: str) -> None:
        """Delete all unfinished uploads of a key. Idempotent."""
        for upload_id in self.find(key):
            self.abort(key, upload_id)

    def sign_part(self, key: str, upload_id: str, number: int, size: int, *, seconds: int) -> SignedRequest:
        """Sign the upload of one part. S3 accepts only a body of ``size`` bytes, because the signature covers it."""
        url = self._presigner.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "UploadId": upload_id,
                "PartNumber": number,
                "ContentLength": size,
            },
            ExpiresIn=seconds,
        )
        return SignedRequest(url, {})

    def sign_start(self, key: str, media_type: str, *, seconds: int) -> SignedRequest:
        """Sign the request that starts an upload."""
        url = self._sign("create_multipart_upload", {"Key": key, "ContentType": media_type}, seconds)
        return SignedRequest(url, {"Content-Type": media_type})

    def sign(
        self,
        operation: Literal["list_parts", "complete_multipart_upload", "abort_multipart_upload"],
        key: str,
        upload_id: str,
        *,
        seconds: int,
    ) -> SignedRequest:
        """Sign another request about an upload."""
        return SignedRequest(self._sign(operation, {"Key": key, "UploadId": upload_id}, seconds), {})

    def _sign(self, operation: _Operation, params: dict[str, str], seconds: int) -> str:
        return self._presigner.generate_presigned_url(
            operation, Params={"Bucket": self._bucket, **params}, ExpiresIn=seconds
        )


def _translate(error: ServiceError) -> SafelightError:
    """Return the error that tells callers what they can do, or else the error itself."""
    cause = error.__cause__
    code = error_code(cause) if isinstance(cause, ClientError) else ""
    if code == _REPLACED:
        return PartETagMismatch("A part was sent again meanwhile. Repeat the request.")
    return MultipartNotFound() if code == _GONE else error
