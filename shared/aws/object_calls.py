"""Short calls of S3: reads and writes of whole objects.

The signature does not cover the body, which S3 compares with its SHA-256 checksum. The signature covers that checksum.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.response import StreamingBody

from shared.aws.s3.url_signer import quote_key
from shared.aws.short_calls import OK, Params, Parsed, ShortCalls, Sign
from shared.aws.signature import sign_headers
from shared.clock import utc_now

_READ: Final = {"Bucket", "Key"}
_WRITE: Final = {"Bucket", "Key", "Body", "ContentType", "ChecksumSHA256"}
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"


class ObjectCalls(ShortCalls):
    """The calls of a client of S3."""

    def __init__(self, client: Any, clock: Callable[[], datetime] = utc_now) -> None:  # noqa: ANN401 - a client of S3
        """Use a client, and a clock for signatures."""
        super().__init__(client)
        self._clock = clock
        self._headers = {"User-Agent": client.meta.config.user_agent, "X-Amz-Content-SHA256": _UNSIGNED}
        #: Addresses of buckets by name. There are few.
        self._addresses: dict[str, str] = {}

    def prepare(self, operation: str, params: Params) -> Sign | None:
        """Return how to sign the request of a call, or None if it has other parameters."""
        if operation == "GetObject" and params.keys() == _READ:
            return lambda: self._sign("GET", params, {})
        if operation == "PutObject" and params.keys() == _WRITE and isinstance(params["Body"], bytes):
            headers = {"Content-Type": params["ContentType"], "x-amz-checksum-sha256": params["ChecksumSHA256"]}
            return lambda: self._sign("PUT", params, headers)
        return None

    def parse(self, operation: str, response: AWSResponse) -> Parsed | None:
        """Return the members of a successful response that we use, or None if botocore must look at it."""
        if response.status_code != OK:
            return None
        headers = response.headers
        parsed: Parsed = {"ResponseMetadata": {"HTTPStatusCode": OK, "RequestId": headers.get("x-amz-request-id")}}
        for member, name in (("ETag", "ETag"), ("VersionId", "x-amz-version-id"), ("ContentType", "Content-Type")):
            if (value := headers.get(name)) is not None:
                parsed[member] = value
        if operation == "GetObject":
            if (length := headers.get("Content-Length")) is None:
                return None
            parsed |= {"ContentLength": int(length), "Body": StreamingBody(response.raw, int(length))}
        return parsed

    def _sign(self, method: str, params: Params, headers: dict[str, str]) -> AWSPreparedRequest:
        bucket = params["Bucket"]
        url = (self._addresses.get(bucket) or self._find_address(bucket)) + quote_key(params["Key"])
        signed: Any = sign_headers(
            method, url, headers | self._headers, _UNSIGNED, auth=self.get_auth(), now=self._clock()
        )
        return AWSPreparedRequest(method, url, signed, params.get("Body"), stream_output=method == "GET")

    def _find_address(self, bucket: str) -> str:
        """Return and keep the URL in front of the keys of a bucket. It is the one that botocore uses for calls."""
        model = self.client.meta.service_model.operation_model("GetObject")
        context = {"client_region": self.client.meta.region_name, "auth_type": model.resolved_auth_type}
        params = {"Bucket": bucket, "Key": "key"}
        url, _, _ = self.client._resolve_endpoint_ruleset(model, params, context)  # noqa: SLF001 - as in short_calls
        address: str = url.rstrip("/") + "/"
        self._addresses[bucket] = address
        return address
