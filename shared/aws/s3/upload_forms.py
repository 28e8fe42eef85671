"""Presigned POST forms: a caller sends bytes straight to S3, under one key, of one type, within a size."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.jobs.upload_declaration import UploadDeclaration

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadForm:
    """What must be sent as ``multipart/form-data``: every field, then ``file`` as the last."""

    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: datetime


def sign_form(  # noqa: PLR0913 - where to, what, how long
    presigner: "S3Client",
    bucket: str,
    key: str,
    declaration: UploadDeclaration,
    *,
    max_bytes: int,
    lifetime: timedelta,
    now: datetime,
) -> UploadForm:
    """Sign a form; ``presigner`` is a client for the endpoint that the caller reaches.

    S3 holds the upload to exactly this key and type and to the promised size, or else to 1 to ``max_bytes`` bytes
    (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html).
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
