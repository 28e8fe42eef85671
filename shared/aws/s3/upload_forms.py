"""Presigned forms and PUT requests for direct uploads to S3, limited to one key, one media type and a size."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.aws.s3.multipart_uploads import SignedRequest
from shared.aws.s3.url_signer import get_url_signer
from shared.clock import utc_now
from shared.jobs.upload_declaration import UploadDeclaration

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadForm:
    """A form to send as ``multipart/form-data``: all fields, then ``file`` as the last one."""

    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: datetime


def sign_form(  # noqa: PLR0913 - a form needs all of these
    presigner: "S3Client",
    bucket: str,
    key: str,
    declaration: UploadDeclaration,
    *,
    max_bytes: int,
    lifetime: timedelta,
    now: datetime,
) -> UploadForm:
    """Sign a form; ``presigner`` is a client for the endpoint that the caller can reach.

    S3 accepts only this key, this media type and the declared size. If no size is declared, S3 accepts 1 to
    ``max_bytes`` bytes (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html).
    """
    least, most = (declaration.size, declaration.size) if declaration.size is not None else (1, max_bytes)
    seconds = int(lifetime.total_seconds())
    signed = presigner.generate_presigned_post(
        Bucket=bucket,
        Key=key,
        Fields={"Content-Type": declaration.media_type},
        Conditions=[{"Content-Type": declaration.media_type}, ["content-length-range", least, most]],
        ExpiresIn=seconds,
    )
    return UploadForm(
        url=signed["url"],
        fields=dict(signed["fields"]),
        max_bytes=most,
        expires_at=now + timedelta(seconds=seconds),
    )


def sign_put(
    presigner: "S3Client", bucket: str, key: str, declaration: UploadDeclaration, *, lifetime: timedelta
) -> SignedRequest:
    """Sign a PUT request; the declaration must have a size.

    S3 accepts only the declared type and size and, if it is declared, the digest, because the signature covers these
    headers. ``If-None-Match`` makes S3 refuse a second file
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
    """
    headers = {"Content-Type": declaration.media_type, "If-None-Match": "*"}
    if declaration.digest is not None:
        headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(declaration.digest)).decode()
    url = get_url_signer(presigner, bucket).sign(
        "PUT",
        key,
        headers={"content-length": str(declaration.size)} | {name.lower(): value for name, value in headers.items()},
        seconds=int(lifetime.total_seconds()),
        now=utc_now(),
    )
    return SignedRequest(url, headers)
