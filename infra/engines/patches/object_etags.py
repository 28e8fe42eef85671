"""ETags of objects from the checksum that S3 compares anyway.

MiniStack hashes the bytes of each object twice: for the SHA-256 checksum of the request, and for the MD5 digest that is
the ETag. MD5 takes twice as long. Here, the ETag is a part of the SHA-256 checksum if the request has one. On AWS, an
ETag is not always an MD5 digest either: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import base64
import threading
from typing import Any, Final

#: As many digits as an MD5 digest has.
DIGITS: Final = 32


class _Checked(threading.local):
    """The body whose checksum a thread has compared last, and the ETag."""

    body: bytes | None = None
    etag: str = ""


def install(s3: Any) -> None:
    """Patch ``ministack.services.s3``."""
    resolve, hash_body = s3._resolve_object_checksums, s3.md5_hash
    checked = _Checked()

    def resolve_and_remember(body: bytes, headers: dict[str, str]) -> tuple[dict[str, str], Any]:
        checksums, error = resolve(body, headers)
        if checksum := checksums.get("SHA256"):
            checked.body, checked.etag = body, base64.b64decode(checksum).hex()[:DIGITS]
        return checksums, error

    def hash_once(body: bytes) -> str:
        known, checked.body = checked.body, None
        return checked.etag if known is not None and known is body else hash_body(body)

    s3._resolve_object_checksums = resolve_and_remember
    s3.md5_hash = hash_once
