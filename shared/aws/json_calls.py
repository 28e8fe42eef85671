"""Short calls of DynamoDB and SQS: each is one POST of JSON to one address.

Protocol: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html.
"""

import base64
import hashlib
import json
import uuid
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.handlers import add_recursion_detection_header

from shared.aws.short_calls import OK, Params, Parsed, ShortCalls, Sign
from shared.aws.signature import sign_headers
from shared.clock import utc_now

#: Operations whose members are texts, numbers, maps and lists only, and bytes in DynamoDB's values.
OPERATIONS: Final = {
    "dynamodb": frozenset(
        {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "TransactWriteItems", "BatchGetItem"}
    ),
    "sqs": frozenset({"SendMessage", "SendMessageBatch", "ChangeMessageVisibility"}),
}


class JsonCalls(ShortCalls):
    """The calls of a client of DynamoDB or SQS."""

    def __init__(self, client: Any, clock: Callable[[], datetime] = utc_now) -> None:  # noqa: ANN401 - a client of either
        """Use a client, and a clock for signatures."""
        super().__init__(client)
        model = client.meta.service_model
        self._clock = clock
        self._operations = OPERATIONS[model.service_name]
        self._target = model.metadata["targetPrefix"]
        self._url = client.meta.endpoint_url.rstrip("/") + "/"
        self._headers = {
            "Content-Type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
            "User-Agent": client.meta.config.user_agent,
        }
        if model.is_query_compatible:
            # The service then gives errors the codes that they had before it used JSON.
            self._headers["x-amzn-query-mode"] = "true"

    def prepare(self, operation: str, params: Params) -> Sign | None:
        """Return how to sign the request of a call, or None for a rare operation."""
        if operation not in self._operations:
            return None
        if operation == "TransactWriteItems":
            # All tries of a call have the same token, so that DynamoDB makes its writes once.
            params = {"ClientRequestToken": str(uuid.uuid4()), **params}
        body = json.dumps(params, default=_encode_bytes).encode()
        return lambda: self._sign(operation, body)

    def parse(self, operation: str, response: AWSResponse) -> Parsed | None:  # noqa: ARG002 - all have the same form
        """Return the content of a successful response, or None if botocore must look at it."""
        if response.status_code != OK:
            return None
        body = response.content
        # DynamoDB's checksum. botocore repeats a call whose response was damaged.
        checksum = response.headers.get("x-amz-crc32")
        if checksum is not None and checksum != str(zlib.crc32(body)):
            return None
        try:
            parsed = json.loads(body, object_hook=_decode_bytes) if body else {}
        except ValueError:
            return None
        if not isinstance(parsed, dict):
            return None
        request_id = response.headers.get("x-amzn-requestid")
        parsed["ResponseMetadata"] = {"HTTPStatusCode": response.status_code, "RequestId": request_id}
        return parsed

    def _sign(self, operation: str, body: bytes) -> AWSPreparedRequest:
        headers = self._headers | {"X-Amz-Target": f"{self._target}.{operation}"}
        payload = hashlib.sha256(body).hexdigest()
        signed: Any = sign_headers("POST", self._url, headers, payload, auth=self.get_auth(), now=self._clock())
        # Lambda finds endless loops of functions and queues with this header.
        add_recursion_detection_header({"headers": signed})
        return AWSPreparedRequest("POST", self._url, signed, body, stream_output=False)


def _encode_bytes(value: object) -> str:
    """Return bytes in base64, as the protocol requires. boto3 wraps those that it has read."""
    data = getattr(value, "value", value)
    if not isinstance(data, bytes | bytearray):
        raise TypeError(f"{type(value).__name__} can't be sent to AWS.")
    return base64.b64encode(data).decode()


def _decode_bytes(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value of DynamoDB with its bytes. In a map, an attribute with the same name has a value and no text."""
    if len(value) == 1 and isinstance(value.get("B"), str):
        return {"B": base64.b64decode(value["B"])}
    return value
