"""AWS Signature Version 4 for requests to the API, for ``ApiAuth=iam``.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html describes the signature. The
client does not use botocore, which is fifty times the size of the client, but the tests compare both signatures.
"""

import hashlib
import hmac
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

import httpx

from safelight.transport.aws_credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "execute-api"
#: Characters besides letters and digits that are not percent-encoded.
_UNRESERVED = "-_.~"


class SignatureV4(httpx.Auth):
    """Signs each request and its body with AWS credentials."""

    requires_request_body = True

    def __init__(
        self, credentials: Credentials, region: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Prepare to sign requests to the API Gateway in ``region``."""
        self._credentials = credentials
        self._region = region
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the date, the session token and the signature to the headers of a request."""
        moment = self._clock().strftime("%Y%m%dT%H%M%SZ")
        request.headers["X-Amz-Date"] = moment
        if self._credentials.session_token:
            request.headers["X-Amz-Security-Token"] = self._credentials.session_token
        scope = f"{moment[:8]}/{self._region}/{SERVICE}/aws4_request"
        names, canonical = _canonical(request)
        signature = hmac.new(self._key(scope), _string_to_sign(moment, scope, canonical), hashlib.sha256).hexdigest()
        request.headers["Authorization"] = (
            f"{ALGORITHM} Credential={self._credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        yield request

    def _key(self, scope: str) -> bytes:
        key = f"AWS4{self._credentials.secret}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key


def _canonical(request: httpx.Request) -> tuple[str, str]:
    """Return the names of the signed headers and the canonical request."""
    signed = {
        name: request.headers[name]
        for name in ("host", "x-amz-date", "x-amz-security-token")
        if name in request.headers
    }
    names = ";".join(signed)
    path = request.url.raw_path.partition(b"?")[0].decode()
    pairs = parse_qsl(request.url.query.decode(), keep_blank_values=True)
    query = sorted((quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED)) for name, value in pairs)
    return names, "\n".join(
        [
            request.method,
            quote(path, safe=f"/{_UNRESERVED}"),  # the path is encoded twice for every service except S3
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{' '.join(value.split())}" for name, value in signed.items()),
            "",
            names,
            hashlib.sha256(request.content).hexdigest(),
        ]
    )


def _string_to_sign(moment: str, scope: str, canonical: str) -> bytes:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{ALGORITHM}\n{moment}\n{scope}\n{digest}".encode()
