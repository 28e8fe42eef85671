"""Signed URLs for the objects of one bucket, in a tenth of botocore's time.

A page of 100 members has 100 links, and a request for 100 members 100 upload URLs. botocore serializes a whole request
for each of them, which takes 0.4 ms. Here, botocore signs one URL for each client and bucket. All others differ from
it in key, query, headers and time only. A test compares the URLs with those of botocore. Algorithm:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlsplit

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
#: The key of the URL that botocore signs.
_SAMPLE_KEY: Final = "k"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class UrlSigner:
    """Signs URLs with the credentials, endpoint and region of a client."""

    #: Scheme, host and path in front of the key.
    base: str
    host: str
    #: Path of ``base``.
    path: str
    region: str
    #: botocore's RequestSigner of the client, which knows the current credentials.
    request_signer: Any

    def sign(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        key: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        seconds: int,
        now: datetime,
    ) -> str:
        """Return a URL that is valid for ``seconds`` from ``now`` (UTC).

        S3 accepts it only with these headers, whose names are lower case.
        """
        credentials = self.request_signer.get_auth_instance(
            "s3", self.region, signature_version="s3v4-query", expires=seconds
        ).credentials
        time, date = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
        scope = f"{date}/{self.region}/s3/aws4_request"
        signed = {"host": self.host, **(headers or {})}
        names = ";".join(sorted(signed))
        pairs = [
            *query,
            ("X-Amz-Algorithm", _ALGORITHM),
            ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
            ("X-Amz-Date", time),
            ("X-Amz-Expires", str(seconds)),
            ("X-Amz-SignedHeaders", names),
            *([("X-Amz-Security-Token", credentials.token)] if credentials.token else []),
        ]
        encoded = [f"{name}={quote(value, safe='-._~')}" for name, value in pairs]
        quoted_key = quote(key, safe="/~")
        lines = [
            method,
            self.path + quoted_key,
            "&".join(sorted(encoded)),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            "UNSIGNED-PAYLOAD",
        ]
        request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        text = f"{_ALGORITHM}\n{time}\n{scope}\n{request}"
        signature = hmac.digest(_derive_key(credentials.secret_key, date, self.region), text.encode(), "sha256")
        return f"{self.base}{quoted_key}?{'&'.join(encoded)}&X-Amz-Signature={signature.hex()}"


@lru_cache(maxsize=16)
def get_url_signer(client: "S3Client", bucket: str) -> UrlSigner:
    """Return the signer for a client and a bucket. It is cached, like the clients of the API."""
    found: list[Any] = []

    def keep(request_signer: Any, **_: Any) -> None:  # noqa: ANN401 - botocore has no type for it
        found.append(request_signer)

    client.meta.events.register("before-sign.s3", keep)
    try:
        url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": _SAMPLE_KEY}, ExpiresIn=1)
    finally:
        client.meta.events.unregister("before-sign.s3", keep)
    parts = urlsplit(url)
    port = parts.port
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return UrlSigner(
        base=url.partition("?")[0].removesuffix(_SAMPLE_KEY),
        host=host if port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{host}:{port}",
        path=parts.path.removesuffix(_SAMPLE_KEY),
        region=parse_qs(parts.query)["X-Amz-Credential"][0].split("/")[2],
        request_signer=found[0],
    )


@lru_cache(maxsize=4)
def _derive_key(secret: str, date: str, region: str) -> bytes:
    """Return the key of a day."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
