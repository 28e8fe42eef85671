"""AWS's signature, version 4, in the header of a request.

Algorithm: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

ALGORITHM: Final = "AWS4-HMAC-SHA256"
#: Proxies may change this header.
_UNSIGNED: Final = frozenset({"user-agent"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def sign_headers(  # noqa: PLR0913 - the parts of a request
    method: str,
    url: str,
    headers: Mapping[str, str],
    payload: str,
    *,
    auth: Any,  # noqa: ANN401 - botocore has no type for it
    now: datetime,
) -> dict[str, str]:
    """Return the headers of a request without query, with its signature.

    ``payload`` is the SHA-256 of the body, hexadecimal, or ``UNSIGNED-PAYLOAD``. ``auth`` is botocore's instance for
    the service, which has its name, its region and the current credentials.
    """
    credentials, region, service = auth.credentials, auth._region_name, auth._service_name  # noqa: SLF001 - no public names
    time, date = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    written = {**headers, "X-Amz-Date": time}
    if credentials.token:
        written["X-Amz-Security-Token"] = credentials.token
    signed = {name.lower(): value for name, value in written.items() if name.lower() not in _UNSIGNED} | {
        "host": find_host(url)
    }
    names = sorted(signed)
    lines = [method, urlsplit(url).path, "", *(f"{name}:{signed[name]}" for name in names), "", ";".join(names)]
    canonical = "\n".join([*lines, payload])
    scope = f"{date}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.digest(derive_key(credentials.secret_key, date, region, service), text.encode(), "sha256").hex()
    written["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={';'.join(names)},"
        f" Signature={signature}"
    )
    return written


def find_host(url: str) -> str:
    """Return the header ``Host`` of a request to a URL. It has no default port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return host if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f"{host}:{parts.port}"


@lru_cache(maxsize=8)
def derive_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of a day."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
